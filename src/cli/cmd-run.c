/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * run NAME [COMMAND...].
 */
#include "commands.h"
#include "run.h"

typedef struct
{
  gboolean detach;
  const char *runtime;
  gboolean display;
} RunOptions;

static gboolean
run_run (ScInvocation *invocation, GError **error)
{
  const RunOptions *options = invocation->options;
  ScRunOptions run = {
    .name = invocation->args[0],
    .args = invocation->n_args > 1 ? invocation->args + 1 : NULL,
    .detach = options->detach,
    .runtime = options->runtime,
    .display = options->display,
  };

  return sc_container_run (invocation->context, &run, invocation->sink, &invocation->status, invocation->cancellable,
                           error);
}

#define MEMBER(member) G_STRUCT_OFFSET (RunOptions, member)

static const ScOption run_options[] = {
  { "detach", 'd', SC_OPTION_FLAG, MEMBER (detach), NULL, "where systemd is not running: do not wait for the end" },
  { "runtime", 0, SC_OPTION_STRING, MEMBER (runtime), "PATH", "OCI runtime to use" },
  { "display", 0, SC_OPTION_FLAG, MEMBER (display), NULL, "say what would be done, and change nothing" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_run = {
  .name = "run",
  .args = "NAME [COMMAND...]",
  .min_args = 1,
  .max_args = G_MAXUINT,
  .summary = "start a container, or run a command in it",
  .description =
      "Without COMMAND starts the service of the container NAME; where systemd is not running the container itself is "
      "run.\n"
      "COMMAND runs in the container if that is running, else in a container of the same root and configuration that "
      "is "
      "made for it and removed after it. Everything after NAME belongs to COMMAND; the exit status is that of COMMAND.",
  .options = run_options,
  .options_size = sizeof (RunOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_STOPS_EARLY | SC_COMMAND_TAKES_CONTAINER,
  .run = run_run,
};
