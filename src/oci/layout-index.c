/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * The index of an OCI image layout: which image is meant, what it is called, and whether its manifest is the one
 * announced.  Sees bytes only, not where they come from.
 */

#include "layout-index.h"

#include <string.h>

#include "digest.h"
#include "json.h"
#include "names.h"

#define LAYOUT_VERSION "1.0.0"

gboolean
sc_layout_check_version (GBytes *oci_layout, GError **error)
{
  gsize size;
  gconstpointer data = g_bytes_get_data (oci_layout, &size);
  g_autoptr (JsonNode) root = sc_json_parse (SC_LAYOUT_VERSION_FILE, data, size, error);
  JsonObject *object = root != NULL ? sc_json_node_object (root, SC_LAYOUT_VERSION_FILE, error) : NULL;
  const char *version = NULL;

  if (object == NULL
      || !sc_json_get_string (object, SC_LAYOUT_VERSION_FILE, "imageLayoutVersion", SC_JSON_REQUIRED, &version, error))
    return FALSE;
  if (strcmp (version, LAYOUT_VERSION) != 0)
    return sc_fail (error, SC_ERROR_UNSUPPORTED,
                    SC_LAYOUT_VERSION_FILE ": layout version '%s' is not supported, only %s is", version,
                    LAYOUT_VERSION);
  return TRUE;
}

/* An entry's name may be a tag alone or a whole reference that ends in it. */
static gboolean
has_tag (const char *ref_name, const char *tag)
{
  gsize n = strlen (ref_name), t = strlen (tag);

  return n > t && ref_name[n - t - 1] == ':' && strcmp (ref_name + n - t, tag) == 0;
}

/* (transfer full): the entry that @tag names. */
static ScDescriptor *
choose (const ScIndex *index, const char *tag, GError **error)
{
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *list = NULL;
  const ScDescriptor *found = NULL;
  guint n_found = 0;

  for (guint i = 0; i < index->manifests->len; i++)
    {
      const ScDescriptor *entry = g_ptr_array_index (index->manifests, i);

      if (tag != NULL && g_strcmp0 (entry->ref_name, tag) == 0)
        return sc_descriptor_copy (entry);
      if (tag == NULL || (entry->ref_name != NULL && has_tag (entry->ref_name, tag)))
        {
          found = entry;
          n_found++;
        }
      g_ptr_array_add (names, entry->ref_name);
    }
  if (n_found == 1)
    return sc_descriptor_copy (found);

  list = sc_name_list (names);
  if (names->len == 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "it has no image");
  if (n_found == 0)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "it has no image '%s', only: %s", tag, list);
  if (tag != NULL)
    return sc_fail_null (error, SC_ERROR_USAGE, "several of its images have the tag '%s': %s", tag, list);
  return sc_fail_null (error, SC_ERROR_USAGE, "it has %u images, say which by :TAG: %s", names->len, list);
}

/* (transfer full): a whole reference in the index names the image, else the file or directory does. */
static char *
choose_name (const ScReference *ref, const ScDescriptor *top)
{
  if (top->ref_name != NULL && strpbrk (top->ref_name, "/:") != NULL)
    {
      g_autoptr (ScReference) named = sc_reference_parse (top->ref_name, NULL);

      if (named != NULL && named->transport == SC_TRANSPORT_REGISTRY && !named->insecure)
        return sc_reference_store_name (named);
    }
  return sc_name_from_path (ref->path, ref->tag);
}

ScDescriptor *
sc_layout_choose (GBytes *index_json, const ScReference *ref, char **out_name, GError **error)
{
  g_autoptr (ScIndex) index = sc_index_parse (index_json, error);
  ScDescriptor *top;

  if (index == NULL)
    return sc_prefix_null (error, SC_LAYOUT_INDEX_FILE);
  top = choose (index, ref->tag, error);
  if (top != NULL)
    *out_name = choose_name (ref, top);
  return top;
}

gboolean
sc_layout_check_top (GBytes *manifest, const ScDescriptor *top, GError **error)
{
  g_autofree char *found = sc_digest_of (g_bytes_get_data (manifest, NULL), g_bytes_get_size (manifest));

  if (g_bytes_get_size (manifest) != top->size)
    return sc_fail (error, SC_ERROR_DIGEST, "manifest %s has %zu bytes where index.json announces %" G_GUINT64_FORMAT,
                    top->digest, g_bytes_get_size (manifest), top->size);
  if (strcmp (found, top->digest) != 0)
    return sc_fail (error, SC_ERROR_DIGEST, "manifest: digest mismatch: expected %s, got %s", top->digest, found);
  return TRUE;
}
