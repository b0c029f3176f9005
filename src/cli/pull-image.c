/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Pulling as pull and install do it.
 */
#include "pull-image.h"

#include <string.h>
#include <unistd.h>

#include "deployment.h"
#include "image-query.h"
#include "pull.h"
#include "recover.h"
#include "short-names.h"
#include "spool.h"
#include "terminal.h"

static void
report (const ScPullResult *result, const char *text, const ScProgressSink *sink)
{
  if (result->unchanged)
    sc_progress_note (sink, "image %s is up to date", text);
  if (result->left_out > 0)
    sc_progress_note (sink, "image %s: %" G_GUINT64_FORMAT " device nodes, fifos and sockets were left out", text,
                      result->left_out);
}

void
sc_pulled_clear (ScPulled *pulled)
{
  sc_pull_result_clear (&pulled->result);
  g_clear_pointer (&pulled->store, sc_store_free);
  g_clear_pointer (&pulled->name, g_free);
}

/* A failure can come after the commit point, when what was made of the image is live.  In doubt it is. */
static gboolean
is_used (const ScContext *ctx, const char *image, const char *container)
{
  g_autoptr (GPtrArray) deployments = NULL;

  if (sc_container_is_interrupted (ctx, container))
    return TRUE;
  deployments = sc_deployment_list (ctx, NULL);
  for (guint i = 0; deployments && i < deployments->len; i++)
    {
      const ScDeployment *d = deployments->pdata[i];

      if (strcmp (d->image, image) == 0 || (d->problem && strcmp (d->name, container) == 0))
        return TRUE;
    }
  return deployments == NULL;
}

void
sc_pulled_undo (ScPulled *pulled, const ScContext *ctx, const char *container, const ScProgressSink *sink)
{
  g_autoptr (GError) error = NULL;

  if (pulled->result.transaction && !is_used (ctx, pulled->name, container)
      && !sc_transaction_undo (pulled->result.transaction, &error))
    sc_progress_note (sink, "image %s stays in the repository: %s", pulled->name, error->message);
}

/* Which of several registries a name without one means. */
static int
choose (const char *name, const char *const *candidates, gpointer data, GCancellable *cancellable, GError **error)
{
  gboolean *asked = data;
  g_autofree char *question = g_strdup_printf ("Which image is meant by %s?", name);

  *asked = TRUE;
  return sc_terminal_choose (question, candidates, cancellable, error);
}

/* So that the question is not asked again.  That it could not be kept does not make the pull a failure. */
static void
record_choice (const ScContext *ctx, ScBlobSource *source, const ScProgressSink *sink)
{
  g_autoptr (GError) error = NULL;

  if (!sc_short_name_record (ctx, source->ref, sc_blob_source_logical (source), &error))
    sc_progress_note (sink, "the choice could not be recorded: %s", error->message);
}

/* The platform that the user asks for; the members are the user's words and the host's. */
static ScPlatform
find_platform (const ScPullSettings *settings)
{
  ScPlatform platform = *sc_platform_host ();

  if (settings && settings->os)
    platform.os = (char *)settings->os;
  if (settings && settings->architecture && strcmp (settings->architecture, platform.architecture) != 0)
    {
      platform.architecture = (char *)settings->architecture;
      platform.variant = NULL;
    }
  if (settings && settings->variant)
    platform.variant = (char *)settings->variant;
  return platform;
}

void
sc_pull_settings_same_platform (ScPullSettings *settings, const ScImage *image, char ***out_words)
{
  g_auto (GStrv) words = image->platform ? g_strsplit (image->platform, "/", 3) : NULL;
  guint n = words ? g_strv_length (words) : 0;

  *out_words = NULL;
  /* Of what makes no sense nothing is believed. */
  if (n < 2 || *words[0] == '\0' || *words[1] == '\0')
    return;
  settings->os = words[0];
  settings->architecture = words[1];
  settings->variant = n > 2 ? words[2] : NULL;
  *out_words = g_steal_pointer (&words);
}

/* @out_asked: (nullable): whether the user was asked which registry is meant; NULL: nobody is to be asked. */
static ScVerifiedImage *
look (const ScContext *ctx, const char *text, const ScPullSettings *settings, const ScProgressSink *sink,
      gboolean *out_asked, ScBlobSource **out_source, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  g_autoptr (ScPolicy) policy = NULL;
  g_autoptr (ScBlobSource) source = NULL;
  ScVerifiedImage *image;
  ScPlatform platform = find_platform (settings);
  ScBlobSourceOptions options = { .ctx = ctx, .sink = sink, .choose_data = out_asked };

  if (!ref)
    return NULL;
  if (settings)
    {
      options.credentials = settings->credentials;
      options.auth_file = settings->auth_file;
    }
  if (out_asked && isatty (STDIN_FILENO) && isatty (STDOUT_FILENO))
    options.choose = choose;
  policy = sc_policy_load (ctx, error);
  if (!policy)
    return NULL;
  sc_spool_clean (ctx);
  source = sc_blob_source_open (ref, &options, cancellable, error);
  if (!source)
    return NULL;
  image = sc_policy_verify (source, policy, &platform, cancellable, error);
  if (image)
    *out_source = g_steal_pointer (&source);
  return image;
}

ScVerifiedImage *
sc_pull_look (const ScContext *ctx, const char *text, const ScPullSettings *settings, const ScProgressSink *sink,
              ScBlobSource **out_source, GCancellable *cancellable, GError **error)
{
  return look (ctx, text, settings, sink, NULL, out_source, cancellable, error);
}

gboolean
sc_pull_image (const ScContext *ctx, const char *text, const ScPullSettings *settings, const ScProgressSink *sink,
               ScPulled *out_pulled, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScVerifiedImage) image = NULL;
  g_auto (ScPulled) pulled = { 0 };
  gboolean asked = FALSE;
  gboolean chosen = settings && (settings->os || settings->architecture || settings->variant);
  ScPlatform platform = find_platform (settings);

  if (!ref)
    return FALSE;
  sc_progress_step (sink, "Image %s is being pulled to ostree ...", text);
  image = look (ctx, text, settings, sink, &asked, &source, cancellable, error);
  if (!image)
    return FALSE;
  pulled.store = sc_store_open (ctx, SC_STORE_CREATE, cancellable, error);
  if (pulled.store)
    sc_store_set_sink (pulled.store, sink);
  if (!pulled.store
      || !sc_pull (pulled.store, image, source, chosen ? &platform : NULL, sink, &pulled.result, cancellable, error))
    return FALSE;
  if (asked)
    record_choice (ctx, source, sink);
  report (&pulled.result, text, sink);
  pulled.name = g_strdup (sc_verified_image_name (image));
  *out_pulled = pulled;
  pulled = (ScPulled){ 0 };
  return TRUE;
}

/* What the repository would call the image: some transports only know once they have looked. */
static char *
future_name (const ScContext *ctx, const char *text, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScReference) ref = sc_reference_parse (text, error);
  g_autoptr (ScBlobSource) source = NULL;
  ScBlobSourceOptions options = { .ctx = ctx };
  char *name;

  if (!ref)
    return NULL;
  name = sc_reference_store_name (ref);
  if (name)
    return name;
  source = sc_blob_source_open (ref, &options, cancellable, error);
  return source ? sc_blob_source_store_name (source) : NULL;
}

char *
sc_pull_find (const ScContext *ctx, const char *text, gboolean *out_present, GCancellable *cancellable, GError **error)
{
  g_autofree char *future = future_name (ctx, text, cancellable, error);
  g_autoptr (ScStore) store = NULL;
  g_autoptr (ScImage) image = NULL;
  g_autoptr (GError) local = NULL;

  if (!future)
    return NULL;
  store = sc_store_open (ctx, SC_STORE_READ, cancellable, error);
  if (!store)
    return NULL;
  image = sc_image_find (store, future, cancellable, &local);
  /* Not by that name; the words can also be a prefix of an id. */
  if (!image && g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    {
      g_clear_error (&local);
      image = sc_image_find (store, text, cancellable, &local);
    }
  *out_present = image != NULL;
  if (image)
    return g_strdup (image->name);
  if (!g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
    {
      g_propagate_error (error, g_steal_pointer (&local));
      return NULL;
    }
  return g_steal_pointer (&future);
}
