/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The steps of verify for one image.  What is fetched for a repair goes through the policy like a pull.
 */
#include "verify-image.h"

#include <string.h>

#include "manifest-fetch.h"
#include "policy.h"
#include "repair.h"
#include "verify-checkouts.h"

void
sc_verified_clear (ScVerified *verified)
{
  g_clear_pointer (&verified->report, sc_verify_report_free);
  g_clear_pointer (&verified->after, sc_verify_report_free);
  g_clear_pointer (&verified->source_text, g_free);
}

typedef struct
{
  const ScContext *ctx;
  ScVerify *verify;
  const ScProgressSink *sink;
  GCancellable *cancellable;
} Task;

static ScVerifyReport *
look (Task *t, const ScImage *image, GError **error)
{
  g_autoptr (ScVerifyReport) report = sc_verify_image (t->verify, image, t->sink, t->cancellable, error);

  if (!report || !sc_verify_checkouts (t->ctx, t->verify, image, report, t->cancellable, error))
    return NULL;
  return g_steal_pointer (&report);
}

/* What the image can be had from again: where it came from, or, in a repository of another tool, its name. */
static ScReference *
find_reference (const ScImage *image, GError **error)
{
  return sc_reference_parse (image->source ? image->source : image->name, error);
}

/* The same for a repair: the bare name of an image whose commit is damaged may be that of an archive. */
static ScReference *
find_repair_reference (const ScImage *image, const ScVerifyReport *report, GError **error)
{
  const ScPart *manifest = report->parts->pdata[0];
  g_autoptr (ScReference) ref = find_reference (image, error);
  gboolean unreadable = image->problem != NULL;

  for (guint i = 0; i < manifest->problems->len; i++)
    {
      const ScProblem *problem = manifest->problems->pdata[i];

      unreadable |= problem->object && g_str_has_suffix (problem->object, ".commit");
    }
  if (ref && !unreadable && !image->source && sc_verify_is_untagged (image))
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "where it came from is not known; pull it again");
  if (ref && unreadable && !image->source && (ref->transport != SC_TRANSPORT_REGISTRY || !ref->registry))
    return sc_fail_null (error, SC_ERROR_NOT_FOUND,
                         "where it came from is not known, its commit is damaged; pull it again");
  return g_steal_pointer (&ref);
}

static guint64
damages_of_image (const ScVerifyReport *report)
{
  guint64 damages = 0;

  for (guint i = 0; i < report->parts->len; i++)
    {
      const ScPart *part = report->parts->pdata[i];

      damages += part->kind != SC_PART_CONTAINER ? part->damages : 0;
    }
  return damages;
}

/* The image as its source has it: by its digest; if that may be what is damaged, what has its name. */
static ScVerifiedImage *
fetch_good (Task *t, ScBlobSource *source, const ScVerifyReport *report, GError **error)
{
  g_autoptr (ScPolicy) policy = sc_policy_load (t->ctx, error);
  const ScPart *manifest = report->parts->pdata[0];
  g_autoptr (GError) local = NULL;
  ScVerifiedImage *good = NULL;

  if (!policy)
    return NULL;
  if (report->digest && sc_digest_check (report->digest, NULL))
    {
      good = sc_policy_verify_digest (source, policy, report->digest, t->cancellable, &local);
      if (good)
        return good;
      if (manifest->damages == 0 || !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return NULL;
        }
    }
  return sc_policy_verify (source, policy, NULL, t->cancellable, error);
}

static gboolean
repair_image (Task *t, const ScImage *image, const ScVerifyReport *report, guint *out_fetched, GError **error)
{
  g_autoptr (ScReference) ref = find_repair_reference (image, report, error);
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScVerifiedImage) good = NULL;
  ScBlobSourceOptions options = { .ctx = t->ctx, .sink = t->sink };

  source = ref ? sc_blob_source_open (ref, &options, t->cancellable, error) : NULL;
  good = source ? fetch_good (t, source, report, error) : NULL;
  if (!good)
    return sc_prefix (error, "image %s: cannot be repaired", image->name);
  return sc_repair_image (t->verify, image, report, good, source, t->sink, out_fetched, t->cancellable, error);
}

/* What is stored after a repair. */
static ScImage *
find_again (Task *t, const ScImage *image, GError **error)
{
  ScImage *now;

  if (!sc_verify_is_untagged (image))
    return sc_image_find (t->verify->store, image->name, t->cancellable, error);
  now = sc_image_of_commit (t->verify->store, image->commit, error);
  return now || (error && *error) ? now : sc_fail_null (error, SC_ERROR_FAILED, "image %s: it is gone", image->name);
}

guint64
sc_verify_damages_left (const ScVerifyReport *report)
{
  guint64 damages = report->damages;

  for (guint i = 0; i < report->parts->len; i++)
    {
      const ScPart *part = report->parts->pdata[i];

      damages -= part->read_only ? part->damages : 0;
    }
  return damages;
}

/* Image first: containers are links to it. @image is what is stored after it. */
static gboolean
repair (Task *t, ScImage **image, const ScVerifySettings *settings, ScVerified *v, GError **error)
{
  g_autoptr (ScVerifyReport) again = NULL;

  if (damages_of_image (v->report) > 0)
    {
      ScImage *now;

      if (!repair_image (t, *image, v->report, &v->fetched, error))
        return FALSE;
      now = find_again (t, *image, error);
      if (!now)
        return FALSE;
      sc_image_free (*image);
      *image = now;
      again = look (t, *image, error);
      if (!again)
        return FALSE;
      if (damages_of_image (again) > 0)
        return sc_fail (error, SC_ERROR_FAILED, "image %s: it is still damaged after the repair", (*image)->name);
    }
  if (settings->checkouts
      && !sc_verify_repair_checkouts (settings->checkouts, t->verify, *image, t->cancellable, error))
    return FALSE;
  v->after = look (t, *image, error);
  return v->after
         && (sc_verify_damages_left (v->after) == 0
             || sc_fail (error, SC_ERROR_FAILED, "image %s: containers are still damaged after the repair",
                         (*image)->name));
}

/* Is there a newer one?  Not being able to tell is no failure. */
static void
ask_source (Task *t, const ScImage *image, ScVerified *v)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (ScReference) ref = find_reference (image, &error);
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScManifest) manifest = NULL;
  g_autoptr (ScImageConfig) config = NULL;
  ScBlobSourceOptions options = { .ctx = t->ctx, .sink = t->sink };

  /* A name without a registry that another tool has stored may be that of an archive. */
  if (!ref || sc_verify_is_untagged (image) || ref->transport != SC_TRANSPORT_REGISTRY || ref->digest
      || !image->manifest || (!image->source && !ref->registry))
    return;
  /* One that was pulled for another platform is compared with that of the same. */
  config = sc_image_load_config (t->verify->store, image, t->cancellable, NULL);
  source = sc_blob_source_open (ref, &options, t->cancellable, &error);
  if (source)
    manifest = sc_manifest_fetch (source, config ? &config->platform : sc_platform_host (), t->cancellable, &error);
  if (!manifest)
    {
      v->source = SC_SOURCE_UNREACHABLE;
      v->source_text = g_strdup (error->message);
      return;
    }
  v->source = strcmp (manifest->digest, image->manifest->digest) == 0 ? SC_SOURCE_SAME : SC_SOURCE_NEWER;
  v->source_text = g_strdup (manifest->digest);
}

gboolean
sc_verify_stored_image (const ScContext *ctx, ScVerify *verify, ScImage **image, const ScVerifySettings *settings,
                        const ScProgressSink *sink, ScVerified *out, GCancellable *cancellable, GError **error)
{
  Task t = { ctx, verify, sink, cancellable };

  out->report = look (&t, *image, error);
  if (!out->report)
    return FALSE;
  if (settings->repair && (out->report->damages > 0 || out->report->blind) && !repair (&t, image, settings, out, error))
    return FALSE;
  if (!settings->offline)
    ask_source (&t, *image, out);
  return !g_cancellable_set_error_if_cancelled (cancellable, error);
}
