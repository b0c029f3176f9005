/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * pull IMAGE.
 */
#include <string.h>

#include "commands.h"
#include "pull-image.h"
#include "terminal.h"

typedef struct
{
  const char *credentials;
  const char *auth_file;
  const char *os;
  const char *architecture;
  const char *variant;
} PullOptions;

/* Splits "USER[:PASSWORD]"; without a password asks for it. */
static gboolean
split_credentials (const char *text, char **out_user, char **out_password, GCancellable *cancellable, GError **error)
{
  const char *colon = strchr (text, ':');
  g_autofree char *user = g_strndup (text, colon ? (gsize)(colon - text) : strlen (text));
  g_autofree char *prompt = NULL;

  if (!*user)
    return sc_fail (error, SC_ERROR_USAGE, "--src-creds needs USER[:PASSWORD]");
  prompt = g_strdup_printf ("Password for %s: ", user);
  *out_password = colon ? g_strdup (colon + 1) : sc_terminal_ask_secret (prompt, cancellable, error);
  if (!*out_password)
    return FALSE;
  *out_user = g_steal_pointer (&user);
  return TRUE;
}

static gboolean
run_pull (ScInvocation *invocation, GError **error)
{
  const PullOptions *options = invocation->options;
  g_autofree char *user = NULL, *password = NULL;
  g_auto (ScPulled) pulled = { 0 };
  ScPullSettings settings = { .auth_file = options->auth_file,
                              .os = options->os,
                              .architecture = options->architecture,
                              .variant = options->variant };
  gboolean ok;

  if (options->credentials
      && !split_credentials (options->credentials, &user, &password, invocation->cancellable, error))
    return FALSE;
  settings.credentials = (ScCredentials){ user, password };
  ok = sc_pull_image (invocation->context, invocation->args[0], &settings, invocation->sink, &pulled,
                      invocation->cancellable, error);
  if (password)
    explicit_bzero (password, strlen (password));
  return ok;
}

static const ScOption pull_options[] = {
  { "src-creds", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (PullOptions, credentials), "USER[:PASSWORD]",
    "who to be for the registry; the password is asked for if it is left out" },
  { "authfile", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (PullOptions, auth_file), "FILE",
    "look for credentials in this file first" },
  { "arch", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (PullOptions, architecture), "ARCH",
    "of an image for several platforms the one for this architecture: amd64, arm64, ..." },
  { "variant", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (PullOptions, variant), "VARIANT",
    "... for this variant of it: v7, v8, ..." },
  { "os", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (PullOptions, os), "OS", "... for this operating system" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_pull = {
  .name = "pull",
  .args = "IMAGE",
  .min_args = 1,
  .max_args = 1,
  .summary = "fetch an image into the repository",
  .description =
      "Fetches IMAGE into the OSTree repository. Layers that are there already are not fetched again; of an image that "
      "did not change only the manifest is.\n"
      "IMAGE is [REGISTRY[:PORT]/]NAME[:TAG][@DIGEST] for a registry ('http:' before it: an insecure one), "
      "oci:/DIR[:TAG] for an OCI layout on disk, dockertar:/FILE for an archive that 'docker save' wrote, "
      "docker:NAME[:TAG] for the Docker daemon of this machine, or an image of skopeo's oci-archive:, docker-archive:, "
      "dir: or containers-storage:. A name "
      "without a registry means what registries.conf says, and an image of docker.io where that says nothing.",
  .options = pull_options,
  .options_size = sizeof (PullOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE,
  .run = run_pull,
};
