/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images verify [IMAGE...].
 */
#include <json-glib/json-glib.h>

#include "commands.h"
#include "deployment.h"
#include "json.h"
#include "object-writer.h"
#include "output.h"
#include "verify-image.h"
#include "verify-lost.h"

/* Exit statuses beside 0 and 1. */
#define STATUS_DAMAGED 3
#define STATUS_NEWER   4

typedef struct
{
  gboolean all;
  gboolean repair;
  gboolean offline;
  gboolean json;
} VerifyOptions;

/* -- one image -- */

/* Whether the repair has done what it can; nobody repairs what is preinstalled. */
static gboolean
is_repaired_part (const ScVerified *v, const ScPart *part)
{
  return v->after && !part->read_only && sc_verify_damages_left (v->after) == 0;
}

/* Whether the repair has done away with a problem. */
static gboolean
is_repaired (const ScVerified *v, const ScPart *part, const ScProblem *problem)
{
  return problem->kind != SC_PROBLEM_CHECKOUT_ADDED && is_repaired_part (v, part);
}

static const char *
part_state (const ScVerified *v, const ScPart *part)
{
  if (part->damages == 0)
    return "ok";
  return is_repaired_part (v, part) ? "repaired" : "damaged";
}

static const char *
source_state (const ScVerified *v)
{
  static const char *const names[] = { "none", "same", "newer", "unreachable" };

  return names[v->source];
}

static gboolean
is_damaged (const ScVerified *v)
{
  return v->after ? v->after->damages > 0 : v->report->damages > 0;
}

static void
add_problem_line (GString *text, const ScProblem *problem)
{
  g_autofree char *path = sc_output_clean (problem->path), *what = sc_output_clean (problem->text);

  g_string_append_printf (text, "    %s:", sc_problem_kind_name (problem->kind));
  if (problem->path)
    g_string_append_printf (text, " %s:", path);
  if (problem->object)
    g_string_append_printf (text, " object %s:", problem->object);
  g_string_append_printf (text, " %s\n", what);
}

static void
print_part (const ScVerified *v, const ScPart *part)
{
  g_autoptr (GString) text = g_string_new (NULL);
  g_autofree char *id = sc_output_clean (part->id);

  g_string_append_printf (text, "  %-9s %s %s%s\n", sc_part_kind_name (part->kind), part->id ? id : "-",
                          part_state (v, part),
                          part->unchecked ? " (digest not checked: the repository does not have it)" : "");
  for (guint i = 0; i < part->problems->len; i++)
    add_problem_line (text, part->problems->pdata[i]);
  if (part->more > 0)
    g_string_append_printf (text, "    and %" G_GUINT64_FORMAT " more\n", part->more);
  sc_output_print (text->str);
}

/* Containers that could only be looked at when the image was repaired are in the second report. */
static void
print_text (const ScVerified *v)
{
  g_autofree char *name = sc_output_clean (v->report->name), *head = g_strdup_printf ("%s\n", name);

  sc_output_print (head);
  for (guint i = 0; i < v->report->parts->len; i++)
    print_part (v, v->report->parts->pdata[i]);
  for (guint i = 0; v->report->blind && v->after && i < v->after->parts->len; i++)
    if (((ScPart *)v->after->parts->pdata[i])->kind == SC_PART_CONTAINER)
      print_part (v, v->after->parts->pdata[i]);
  if (v->source == SC_SOURCE_SAME)
    sc_output_print ("  source    has no newer one\n");
  else if (v->source == SC_SOURCE_NEWER)
    {
      g_autofree char *line = g_strdup_printf ("  source    has a newer one: %s\n", v->source_text);

      sc_output_print (line);
    }
}

static void
add_member (JsonBuilder *b, const char *key, const char *value)
{
  g_autofree char *valid = value ? g_utf8_make_valid (value, -1) : NULL;

  sc_json_add_string (b, key, valid);
}

static void
add_problem_json (JsonBuilder *b, const ScVerified *v, const ScPart *part, const ScProblem *problem)
{
  json_builder_begin_object (b);
  add_member (b, "kind", sc_problem_kind_name (problem->kind));
  add_member (b, "path", problem->path);
  add_member (b, "object", problem->object);
  add_member (b, "text", problem->text);
  json_builder_set_member_name (b, "repaired");
  json_builder_add_boolean_value (b, is_repaired (v, part, problem));
  json_builder_end_object (b);
}

static void
add_part_json (JsonBuilder *b, const ScVerified *v, const ScPart *part)
{
  json_builder_begin_object (b);
  add_member (b, "part", sc_part_kind_name (part->kind));
  add_member (b, "id", part->id);
  add_member (b, "state", part_state (v, part));
  if (part->kind == SC_PART_LAYER)
    {
      json_builder_set_member_name (b, "digest_checked");
      json_builder_add_boolean_value (b, !part->unchecked);
    }
  json_builder_set_member_name (b, "problems");
  json_builder_begin_array (b);
  for (guint i = 0; i < part->problems->len; i++)
    add_problem_json (b, v, part, part->problems->pdata[i]);
  json_builder_end_array (b);
  json_builder_set_member_name (b, "more");
  json_builder_add_int_value (b, (gint64)part->more);
  json_builder_end_object (b);
}

static void
add_json (JsonBuilder *b, const ScVerified *v, const ScImage *image)
{
  json_builder_begin_object (b);
  add_member (b, "image", image ? image->name : NULL);
  add_member (b, "digest", v->report->digest);
  add_member (b, "state", is_damaged (v) ? "damaged" : v->report->damages > 0 ? "repaired" : "ok");
  json_builder_set_member_name (b, "fetched");
  json_builder_add_int_value (b, v->fetched);
  add_member (b, "source", source_state (v));
  add_member (b, "source_digest", v->source == SC_SOURCE_UNREACHABLE ? NULL : v->source_text);
  json_builder_set_member_name (b, "parts");
  json_builder_begin_array (b);
  for (guint i = 0; i < v->report->parts->len; i++)
    add_part_json (b, v, v->report->parts->pdata[i]);
  json_builder_end_array (b);
  json_builder_end_object (b);
}

/* -- all of them -- */

/* A container that is meant, if there is no image of that name. */
static ScImage *
find_image (ScInvocation *invocation, ScStore *store, const char *name, GError **error)
{
  g_autoptr (GError) local = NULL;
  ScImage *image = sc_image_find (store, name, invocation->cancellable, &local);

  if (image)
    return image;
  /* What is no name of an image may be one of a container. */
  if ((g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND) || g_error_matches (local, SC_ERROR, SC_ERROR_USAGE))
      && sc_container_name_check (name, NULL)
      && sc_verify_image_of_container (invocation->context, store, name, &image, invocation->cancellable, error))
    return image;
  if (!error || !*error)
    g_propagate_error (error, g_steal_pointer (&local));
  return NULL;
}

/* (transfer container): the images that are meant. */
static GPtrArray *
find_images (ScInvocation *invocation, ScStore *store, ScVerifyReport **out_lost, GError **error)
{
  const VerifyOptions *options = invocation->options;
  g_autoptr (GPtrArray) images = NULL;

  if (options->all == (invocation->n_args > 0))
    return sc_fail_null (error, SC_ERROR_USAGE, "either IMAGE or --all");
  if (options->all)
    {
      images = sc_image_list (store, FALSE, invocation->cancellable, error);
      *out_lost = images ? sc_verify_lost (invocation->context, store, images, error) : NULL;
      return *out_lost ? g_steal_pointer (&images) : NULL;
    }
  images = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_image_free);
  for (guint i = 0; i < invocation->n_args; i++)
    {
      ScImage *image = find_image (invocation, store, invocation->args[i], error);

      if (!image)
        return NULL;
      g_ptr_array_add (images, image);
    }
  return g_steal_pointer (&images);
}

static void
merge_status (ScInvocation *invocation, const ScVerified *v)
{
  if (is_damaged (v))
    invocation->status = STATUS_DAMAGED;
  else if (v->source == SC_SOURCE_NEWER && invocation->status == 0)
    invocation->status = STATUS_NEWER;
}

/* The first error is kept for the end, others are told now: one image must not hide the others. */
static gboolean
keep_error (ScInvocation *invocation, GError **first, GError *error)
{
  gboolean stop;

  /* Whoever fails without saying why has failed. */
  if (!error)
    error = g_error_new_literal (SC_ERROR, SC_ERROR_FAILED, "verify failed, and does not know why");
  stop = g_error_matches (error, G_IO_ERROR, G_IO_ERROR_CANCELLED);
  if (*first)
    {
      sc_progress_note (invocation->sink, "%s", error->message);
      g_error_free (error);
    }
  else
    *first = error;
  return !stop;
}

/* Containers that belong to no image: nothing can be repaired of them. */
static void
add_lost (ScInvocation *invocation, ScVerifyReport *lost, JsonBuilder *json)
{
  const ScVerified v = { .report = lost };

  if (lost->damages == 0)
    return;
  if (json)
    add_json (json, &v, NULL);
  else
    print_text (&v);
  merge_status (invocation, &v);
}

static gboolean
verify_images (ScInvocation *invocation, ScVerify *verify, GPtrArray *images, const ScVerifySettings *settings,
               JsonBuilder *json, GError **error)
{
  GError *first = NULL;

  for (guint i = 0; i < images->len; i++)
    {
      g_auto (ScVerified) v = { 0 };
      ScImage **image = (ScImage **)&images->pdata[i];
      GError *failure = NULL;
      gboolean ok = sc_verify_stored_image (invocation->context, verify, image, settings, invocation->sink, &v,
                                            invocation->cancellable, &failure);

      if (v.report && json)
        add_json (json, &v, *image);
      else if (v.report)
        print_text (&v);
      if (v.report && v.report->blind && !v.after)
        sc_progress_note (invocation->sink,
                          "image %s: its containers were not looked at: what they should be is damaged",
                          (*image)->name);
      if (v.source == SC_SOURCE_UNREACHABLE)
        sc_progress_note (invocation->sink, "image %s: whether there is a newer one is not known: %s", (*image)->name,
                          v.source_text);
      if (ok)
        merge_status (invocation, &v);
      else if (!keep_error (invocation, &first, failure))
        break;
    }
  if (first)
    g_propagate_error (error, first);
  return !first;
}

static gboolean
run_with (ScInvocation *invocation, ScStore *store, const ScVerifySettings *settings, GError **error)
{
  const VerifyOptions *options = invocation->options;
  g_autoptr (ScVerify) verify = sc_verify_new (store, invocation->cancellable, error);
  g_autoptr (ScVerifyReport) lost = NULL;
  g_autoptr (GPtrArray) images = verify ? find_images (invocation, store, &lost, error) : NULL;
  g_autoptr (JsonBuilder) json = options->json ? json_builder_new () : NULL;
  gboolean ok;

  if (!images || (options->repair && sc_store_repo (store) && !sc_object_writer_clean (sc_store_repo (store), error)))
    return FALSE;
  if (json)
    json_builder_begin_array (json);
  ok = verify_images (invocation, verify, images, settings, json, error);
  if (lost)
    add_lost (invocation, lost, json);
  if (json)
    {
      g_autoptr (JsonNode) root = NULL;
      g_autofree char *text = NULL;

      json_builder_end_array (json);
      root = json_builder_get_root (json);
      text = sc_json_to_text (root, TRUE);
      sc_output_print (text);
    }
  return ok;
}

static gboolean
run_images_verify (ScInvocation *invocation, GError **error)
{
  const VerifyOptions *options = invocation->options;
  g_autoptr (ScCheckouts) checkouts = NULL;
  g_autoptr (ScStore) store = NULL;
  g_autoptr (GError) local = NULL;
  ScVerifySettings settings = { .repair = options->repair, .offline = options->offline };

  if (options->repair && options->offline)
    return sc_fail (error, SC_ERROR_USAGE, "--repair fetches, --offline does not");
  if (options->repair)
    {
      /* The checkouts before the repository, as everybody takes them. */
      checkouts = sc_checkouts_hold (invocation->context, FALSE, invocation->sink, invocation->cancellable, &local);
      if (!checkouts && !g_error_matches (local, SC_ERROR, SC_ERROR_NOT_FOUND))
        {
          g_propagate_error (error, g_steal_pointer (&local));
          return FALSE;
        }
      settings.checkouts = checkouts;
    }
  store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, error);
  return store && run_with (invocation, store, &settings, error);
}

static const ScOption verify_options[] = {
  { "all", 'a', SC_OPTION_FLAG, G_STRUCT_OFFSET (VerifyOptions, all), NULL, "verify every image" },
  { "repair", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (VerifyOptions, repair), NULL,
    "fetch what is damaged again and put it in place" },
  { "offline", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (VerifyOptions, offline), NULL,
    "do not ask the source whether there is a newer one" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (VerifyOptions, json), NULL, "print a JSON array of objects" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_verify = {
  .name = "images verify",
  .alias = "verify",
  .args = "IMAGE...|--all",
  .min_args = 0,
  .max_args = G_MAXUINT,
  .summary = "check that images are intact",
  .description =
      "Checks that all that is stored of IMAGE, and the roots of containers made of it, is what it was when it came, "
      "and "
      "whether its source has a newer one.\n"
      "Exit status: 0 if all is well, 1 if that could not be found out, 3 if something is damaged, 4 if nothing is but "
      "there is a newer one. What --repair has repaired is not damaged any more.",
  .options = verify_options,
  .options_size = sizeof (VerifyOptions),
  .flags = SC_COMMAND_NEEDS_ROOT | SC_COMMAND_TAKES_IMAGE,
  .run = run_images_verify,
};
