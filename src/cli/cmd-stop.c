/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * stop NAME.
 */
#include "commands.h"
#include "run.h"

typedef struct
{
  gboolean display;
} StopOptions;

static gboolean
run_stop (ScInvocation *invocation, GError **error)
{
  const StopOptions *options = invocation->options;

  return sc_container_stop (invocation->context, invocation->args[0], options->display, invocation->sink,
                            invocation->cancellable, error);
}

static const ScOption stop_options[] = {
  { "display", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (StopOptions, display), NULL,
    "say what would be done, and change nothing" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_stop = {
  .name = "stop",
  .args = "NAME",
  .min_args = 1,
  .max_args = 1,
  .summary = "stop a container",
  .description = "Stops the service of the container NAME; where systemd is not running, the container itself. It is "
                 "started again at the next boot.",
  .options = stop_options,
  .options_size = sizeof (StopOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_stop,
};
