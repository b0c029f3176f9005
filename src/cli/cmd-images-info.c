/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * images info, and images version.
 */
#include <string.h>

#include "commands.h"
#include "digest.h"
#include "image-info.h"
#include "json.h"
#include "local-image.h"
#include "output.h"
#include "pull-image.h"

typedef struct
{
  gboolean remote;
  gboolean json;
  const char *auth_file;
} InfoOptions;

/* What there is to tell; members that are not known are NULL. */
typedef struct
{
  const char *name;
  const char *id;
  gint64 pulled; /* 0: it is not here */
  const char *source;
  const char *verification;
  const ScManifest *manifest;
  const ScImageConfig *config;
  GHashTable *defaults;
  char **required;
} Info;

static void
append_map (GString *out, GHashTable *map)
{
  g_autoptr (GPtrArray) keys = sc_output_names (map);

  for (guint i = 0; i < keys->len; i++)
    sc_output_append_line (out, keys->pdata[i], g_hash_table_lookup (map, keys->pdata[i]));
}

/* Scripts read these headings and lines: they are those of the original tool. */
static void
append_variables (GString *out, const Info *info)
{
  if (info->defaults && g_hash_table_size (info->defaults) > 0)
    {
      g_string_append (out, "\nTemplate variables with default value, but overridable with --set:\n");
      append_map (out, info->defaults);
    }
  if (info->required && info->required[0])
    {
      g_string_append (out, "\nTemplate variables that has no default value, and must be set with --set:\n");
      for (char **name = info->required; *name; name++)
        sc_output_append_line (out, *name, "{DEF_VALUE}");
    }
}

/* (transfer full) */
static char *
platform_text (const ScPlatform *platform)
{
  return g_strconcat (platform->os, "/", platform->architecture, platform->variant ? "/" : NULL, platform->variant,
                      NULL);
}

static guint64
total_size (const ScManifest *manifest)
{
  guint64 total = 0;

  for (guint i = 0; i < manifest->layers->len; i++)
    total += ((const ScDescriptor *)manifest->layers->pdata[i])->size;
  return total;
}

static void
append_layers (GString *out, const ScManifest *manifest)
{
  g_autofree char *size = sc_output_size (total_size (manifest));

  sc_output_append_line (out, "Size", size);
  g_string_append (out, "Layers:\n");
  for (guint i = 0; i < manifest->layers->len; i++)
    {
      const ScDescriptor *layer = manifest->layers->pdata[i];
      g_autofree char *layer_size = sc_output_size (layer->size);

      g_string_append_printf (out, "  %s  %s\n", layer->digest, layer_size);
    }
}

/* (transfer full) */
static char *
format_text (const Info *info)
{
  GString *out = g_string_new (NULL);
  g_autofree char *platform = info->config ? platform_text (&info->config->platform) : NULL;
  g_autofree char *pulled = info->pulled ? sc_output_time (info->pulled) : NULL;

  sc_output_append_line (out, "Image Name", info->name);
  if (info->config)
    append_map (out, info->config->labels);
  append_variables (out, info);
  g_string_append (out, "\n");
  sc_output_append_line (out, "Created", info->config ? info->config->created : NULL);
  sc_output_append_line (out, "Pulled", pulled);
  sc_output_append_line (out, "Source", info->source);
  sc_output_append_line (out, "Platform", platform);
  sc_output_append_line (out, "Digest", info->manifest ? info->manifest->digest : NULL);
  sc_output_append_line (out, "ID", info->id);
  sc_output_append_line (out, "Verification", info->verification);
  if (info->manifest)
    append_layers (out, info->manifest);
  return g_string_free (out, FALSE);
}

static void
set_text (JsonObject *object, const char *key, const char *text)
{
  if (text)
    json_object_set_string_member (object, key, text);
  else
    json_object_set_null_member (object, key);
}

/* Without layers there is no telling which variables there are: null. */
static void
set_variables (JsonObject *object, const Info *info)
{
  JsonObject *variables;
  JsonArray *required;

  if (!info->defaults)
    {
      json_object_set_null_member (object, "variables");
      return;
    }
  variables = json_object_new ();
  required = json_array_new ();
  for (char **name = info->required; *name; name++)
    json_array_add_string_element (required, *name);
  json_object_set_member (variables, "defaults", sc_output_map (info->defaults));
  json_object_set_array_member (variables, "required", required);
  json_object_set_object_member (object, "variables", variables);
}

static void
set_layers (JsonObject *object, const ScManifest *manifest)
{
  JsonArray *layers = json_array_new ();

  for (guint i = 0; manifest && i < manifest->layers->len; i++)
    {
      const ScDescriptor *layer = manifest->layers->pdata[i];
      JsonObject *entry = json_object_new ();

      json_object_set_string_member (entry, "digest", layer->digest);
      json_object_set_int_member (entry, "size", (gint64)layer->size);
      json_array_add_object_element (layers, entry);
    }
  json_object_set_int_member (object, "size", manifest ? (gint64)total_size (manifest) : 0);
  json_object_set_array_member (object, "layers", layers);
}

/* (transfer full) */
static char *
format_json (const Info *info)
{
  g_autoptr (JsonNode) root = json_node_new (JSON_NODE_OBJECT);
  JsonObject *object = json_object_new ();
  g_autofree char *pulled = info->pulled ? sc_output_time_iso (info->pulled) : NULL;
  const ScPlatform *platform = info->config ? &info->config->platform : NULL;

  json_node_take_object (root, object);
  set_text (object, "name", info->name);
  if (info->config)
    json_object_set_member (object, "labels", sc_output_map (info->config->labels));
  else
    json_object_set_null_member (object, "labels");
  set_variables (object, info);
  set_text (object, "created", info->config ? info->config->created : NULL);
  set_text (object, "pulled", pulled);
  set_text (object, "source", info->source);
  set_text (object, "os", platform ? platform->os : NULL);
  set_text (object, "architecture", platform ? platform->architecture : NULL);
  set_text (object, "variant", platform ? platform->variant : NULL);
  set_text (object, "digest", info->manifest ? info->manifest->digest : NULL);
  set_text (object, "id", info->id);
  set_text (object, "verification", info->verification);
  set_layers (object, info->manifest);
  return sc_json_to_text (root, TRUE);
}

static void
print_info (const Info *info, gboolean json)
{
  g_autofree char *text = json ? format_json (info) : format_text (info);

  sc_output_print (text);
}

/* What a damaged image or one of an older tool lacks does not hide the rest of it. */
static gboolean
show_local (ScInvocation *invocation, GError **error)
{
  const InfoOptions *options = invocation->options;
  g_auto (ScLocalImage) local = { 0 };
  g_autoptr (ScImageConfig) config = NULL;
  g_autoptr (GHashTable) defaults = NULL;
  g_auto (GStrv) required = NULL;
  g_autoptr (GError) problem = NULL;
  Info info = { 0 };

  if (!sc_local_image_open (invocation->context, invocation->args[0], &local, invocation->cancellable, error))
    return FALSE;
  if (local.image->problem)
    return sc_fail (error, SC_ERROR_INVALID, "%s", local.image->problem);
  config = sc_image_load_config (local.store, local.image, invocation->cancellable, &problem);
  if (!config)
    sc_progress_note (invocation->sink, "no labels: %s", problem->message);
  g_clear_error (&problem);
  if (local.image->manifest
      && !sc_image_variables (invocation->context, local.store, local.image, config ? config->labels : NULL, &defaults,
                              &required, invocation->cancellable, &problem))
    sc_progress_note (invocation->sink, "no template variables: %s", problem->message);
  if (g_cancellable_set_error_if_cancelled (invocation->cancellable, error))
    return FALSE;
  info = (Info){
    .name = local.image->name,
    .id = local.image->id,
    .pulled = local.image->created,
    .source = local.image->source,
    .verification = local.image->verification ? local.image->verification : "not verified: pulled by another tool",
    .manifest = local.image->manifest,
    .config = config,
    .defaults = defaults,
    .required = required,
  };
  print_info (&info, options->json);
  return TRUE;
}

/* Where the image that the user calls @text is: an image that is here is asked for where it came from. (transfer full)
 */
static char *
find_remote_name (ScInvocation *invocation, const char *text)
{
  g_autoptr (ScStore) store = sc_store_open (invocation->context, SC_STORE_READ, invocation->cancellable, NULL);
  g_autoptr (ScImage) image = store ? sc_image_find (store, text, invocation->cancellable, NULL) : NULL;

  if (!image)
    return g_strdup (text);
  return g_strdup (image->source ? image->source : image->name);
}

static gboolean
show_remote (ScInvocation *invocation, GError **error)
{
  const InfoOptions *options = invocation->options;
  ScPullSettings settings = { .auth_file = options->auth_file };
  g_autofree char *name = find_remote_name (invocation, invocation->args[0]);
  g_autoptr (ScBlobSource) source = NULL;
  g_autoptr (ScImageConfig) config = NULL;
  g_autoptr (GBytes) raw = NULL;
  g_autofree char *from = NULL;
  g_autoptr (ScVerifiedImage) image =
      sc_pull_look (invocation->context, name, &settings, invocation->sink, &source, invocation->cancellable, error);
  const ScManifest *manifest = image ? sc_verified_image_manifest (image) : NULL;
  Info info = { 0 };

  if (!image)
    return FALSE;
  raw = sc_blob_source_fetch_blob (source, manifest->config, SC_CONFIG_MAX_SIZE, invocation->cancellable, error);
  config = raw ? sc_image_config_parse (raw, error) : NULL;
  if (!config)
    return sc_prefix (error, "image %s", name);
  from = sc_reference_format (source->ref);
  info = (Info){
    .name = sc_verified_image_name (image),
    .id = sc_digest_hex (manifest->digest),
    .source = from,
    .verification = sc_verified_image_verification (image),
    .manifest = manifest,
    .config = config,
  };
  print_info (&info, options->json);
  return TRUE;
}

static gboolean
run_images_info (ScInvocation *invocation, GError **error)
{
  const InfoOptions *options = invocation->options;

  if (options->auth_file && !options->remote)
    return sc_fail (error, SC_ERROR_USAGE, "--authfile is for --remote");
  return options->remote ? show_remote (invocation, error) : show_local (invocation, error);
}

static const ScOption info_options[] = {
  { "remote", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (InfoOptions, remote), NULL,
    "ask the place that the image comes from, not the repository; template variables are not told then" },
  { "authfile", 0, SC_OPTION_STRING, G_STRUCT_OFFSET (InfoOptions, auth_file), "FILE",
    "with --remote, look for credentials in this file first" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (InfoOptions, json), NULL, "print a JSON object" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_info = {
  .name = "images info",
  .alias = "info",
  .args = "IMAGE",
  .min_args = 1,
  .max_args = 1,
  .summary = "tell about an image",
  .description =
      "Prints the labels of IMAGE, which values its templates take and which must be set to install it, what "
      "it is for and of, and how it was verified.",
  .options = info_options,
  .options_size = sizeof (InfoOptions),
  .flags = SC_COMMAND_TAKES_IMAGE,
  .run = run_images_info,
};

typedef struct
{
  gboolean recurse;
  gboolean json;
} VersionOptions;

static const ScColumn version_columns[] = {
  { "IMAGE NAME", "image", NULL, SC_CELL_TEXT, 0, 0 },
  { "VERSION", "version", NULL, SC_CELL_TEXT, 0, 0 },
  { "IMAGE ID", "id", NULL, SC_CELL_TEXT, 12, 12 },
};

/* An image without a config has no version either. */
static void
add_version (ScInvocation *invocation, ScTable *table, ScStore *store, const ScImage *image)
{
  g_autoptr (GError) problem = NULL;
  g_autoptr (ScImageConfig) config = sc_image_load_config (store, image, invocation->cancellable, &problem);
  g_autofree char *version = config ? sc_image_version (config->labels) : NULL;
  const char *cells[] = { image->name, version, image->id };

  if (!config)
    sc_progress_note (invocation->sink, "no version: %s", problem->message);
  G_STATIC_ASSERT (G_N_ELEMENTS (cells) == G_N_ELEMENTS (version_columns));
  sc_table_add (table, FALSE, cells);
}

static gboolean
run_images_version (ScInvocation *invocation, GError **error)
{
  const VersionOptions *options = invocation->options;
  g_autoptr (ScTable) table = sc_table_new (version_columns, G_N_ELEMENTS (version_columns), "   ");
  g_auto (ScLocalImage) local = { 0 };
  g_autoptr (GPtrArray) images = NULL;
  g_autofree char *text = NULL;

  if (!sc_local_image_open (invocation->context, invocation->args[0], &local, invocation->cancellable, error))
    return FALSE;
  add_version (invocation, table, local.store, local.image);
  if (options->recurse)
    {
      images = sc_image_list (local.store, FALSE, invocation->cancellable, error);
      if (!images)
        return FALSE;
    }
  for (guint i = 0; images && i < images->len; i++)
    if (sc_image_is_built_on (local.image, images->pdata[i]))
      add_version (invocation, table, local.store, images->pdata[i]);
  text = options->json ? sc_table_format_json (table) : sc_table_format (table, 0);
  sc_output_print (text);
  return TRUE;
}

static const ScOption version_options[] = {
  { "recurse", 'r', SC_OPTION_FLAG, G_STRUCT_OFFSET (VersionOptions, recurse), NULL,
    "also those of the images in the repository that IMAGE is built on" },
  { "json", 0, SC_OPTION_FLAG, G_STRUCT_OFFSET (VersionOptions, json), NULL, "print a JSON array of objects" },
  SC_OPTION_END,
};

const ScCommand sc_cmd_images_version = {
  .name = "images version",
  .alias = "version",
  .args = "IMAGE",
  .min_args = 1,
  .max_args = 1,
  .summary = "tell the version of an image",
  .description = "Prints the version of IMAGE as its labels say.",
  .options = version_options,
  .options_size = sizeof (VersionOptions),
  .flags = SC_COMMAND_TAKES_IMAGE,
  .run = run_images_version,
};
