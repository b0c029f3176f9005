/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * mount IMAGE|NAME DIR, unmount DIR.
 */
#include "commands.h"
#include "mount.h"

typedef struct
{
  const char *options;
  gboolean live;
  gboolean shared;
} MountOptions;

static gboolean
run_mount (ScInvocation *invocation, GError **error)
{
  const MountOptions *options = invocation->options;
  ScMountOptions mount = { .live = options->live };
  g_autoptr (ScStore) store = NULL;
  g_auto (ScSubject) subject = { 0 };

  if (!sc_mount_options_parse (options->options, &mount, error))
    return FALSE;
  mount.attributes.shared = options->shared;
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  if (!store
      || !sc_subject_find (invocation->context, store, invocation->args[0], &subject, invocation->cancellable, error))
    return FALSE;
  return sc_mount (invocation->context, store, &subject, invocation->args[1], &mount, invocation->sink,
                   invocation->cancellable, error);
}

static const ScOption mount_options[] = {
  { "options", 'o', SC_OPTION_STRING, G_STRUCT_OFFSET (MountOptions, options), "OPTIONS",
    "ro, rw, suid, nosuid, dev, nodev, exec, noexec, separated by commas; without it ro (rw with --live), nosuid, "
    "nodev, exec" },
  { "live", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (MountOptions, live), NULL,
    "make it writable; what is written is kept beside it, and gone when it is unmounted" },
  { "shared", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (MountOptions, shared), NULL,
    "let what is mounted inside be seen in all mount namespaces that see DIR" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_mount = {
  .name = "mount",
  .args = "IMAGE|NAME DIR",
  .min_args = 2,
  .max_args = 2,
  .summary = "look at the files of an image or a container",
  .description = "Mounts the root of the image IMAGE, or of the container NAME, on the directory DIR, read-only. "
                 "'atomic unmount' takes it away.\nWhat is the name of a container is the container.",
  .options = mount_options,
  .options_size = sizeof (MountOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE | SC_COMMAND_TAKES_CONTAINER,
  .run = run_mount,
};

static gboolean
run_unmount (ScInvocation *invocation, GError **error)
{
  return sc_unmount (invocation->context, invocation->args[0], invocation->sink, invocation->cancellable, error);
}

const ScCommand sc_cmd_unmount = {
  .name = "unmount",
  .alias = "umount",
  .args = "DIR",
  .min_args = 1,
  .max_args = 1,
  .summary = "take away what 'mount' mounted",
  .description = "Unmounts what 'atomic mount' mounted on the directory DIR; what was written there with --live is "
                 "gone then.",
  .flags = SC_COMMAND_NEEDS_ROOT,
  .run = run_unmount,
};
