/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * uninstall NAME.
 */
#include "commands.h"
#include "uninstall.h"

typedef struct
{
  gboolean display;
} UninstallOptions;

static gboolean
run_uninstall (ScInvocation *invocation, GError **error)
{
  const UninstallOptions *options = invocation->options;

  return sc_uninstall (invocation->context, invocation->args[0], options->display, invocation->sink,
                       invocation->cancellable, error);
}

static const ScOption uninstall_options[] = {
  { "display", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (UninstallOptions, display), NULL,
    "say what would be done, and change nothing" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_uninstall = {
  .name = "uninstall",
  .args = "NAME",
  .min_args = 1,
  .max_args = 1,
  .summary = "remove a system container",
  .description =
      "Stops and disables the service of the container NAME and removes its unit, its tmpfiles and its root. "
      "The image stays in the repository.",
  .options = uninstall_options,
  .options_size = sizeof (UninstallOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_CONTAINER,
  .run = run_uninstall,
};
