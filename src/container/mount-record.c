/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Records of mounts, and what they are worth now.  A mount is known by its id together with what it shows, since the
 * kernel gives ids again.  One of another mount namespace, or of another root directory, is not in our list of mounts
 * and is left alone while the boot lasts.
 */
#include "mount-record.h"

#include <fcntl.h>
#include <string.h>

#include "fs.h"
#include "json.h"
#include "mountinfo.h"

#define RECORD       "record"
#define RECORD_LIMIT (64 * 1024)
#define DELETED      "//deleted" /* after the root of a mount whose directory was removed */

void
sc_mount_record_free (ScMountRecord *record)
{
  g_free (record->name);
  g_free (record->directory);
  g_free (record->view);
  g_free (record->mount_point);
  g_free (record->shows);
  g_free (record);
}

void
sc_mount_records_clear (ScMountRecords *records)
{
  g_clear_pointer (&records->live, g_ptr_array_unref);
  g_clear_pointer (&records->stale, g_ptr_array_unref);
  g_clear_pointer (&records->problems, g_ptr_array_unref);
}

gboolean
sc_mount_record_save (ScCheckouts *checkouts, ScMountRecord *record, GError **error)
{
  g_autoptr (JsonNode) node = json_node_new (JSON_NODE_OBJECT);
  g_autoptr (JsonObject) object = json_object_new ();
  g_autofree char *path = g_build_filename (record->name, RECORD, NULL), *text = NULL;

  g_free (record->view);
  record->view = sc_mountinfo_view (error);
  if (record->view == NULL)
    return FALSE;
  json_object_set_string_member (object, "directory", record->directory);
  json_object_set_string_member (object, "view", record->view);
  json_object_set_int_member (object, "mount", (gint64)record->mount);
  json_object_set_string_member (object, "shows", record->shows);
  json_node_set_object (node, object);
  text = sc_json_to_text (node, TRUE);
  return sc_fs_write_file_at (checkouts->dfd, path, text, strlen (text), 0600, error);
}

static gboolean
parse (ScMountRecord *record, GBytes *bytes, GError **error)
{
  gsize size;
  const char *data = g_bytes_get_data (bytes, &size), *directory = NULL, *view = NULL, *shows = NULL;
  g_autoptr (JsonNode) node = sc_json_parse (RECORD, data != NULL ? data : "", size, error);
  JsonObject *object = node != NULL ? sc_json_node_object (node, RECORD, error) : NULL;
  gint64 mount = -1;

  if (object == NULL || !sc_json_get_string (object, RECORD, "directory", SC_JSON_REQUIRED, &directory, error)
      || !sc_json_get_string (object, RECORD, "view", SC_JSON_REQUIRED, &view, error)
      || !sc_json_get_string (object, RECORD, "shows", SC_JSON_REQUIRED, &shows, error)
      || !sc_json_get_int (object, RECORD, "mount", SC_JSON_REQUIRED, &mount, error))
    return FALSE;
  if (mount < 0 || *shows == '\0')
    return sc_fail (error, SC_ERROR_INVALID, RECORD ": not a mount");
  record->directory = g_strdup (directory);
  record->view = g_strdup (view);
  record->shows = g_strdup (shows);
  record->mount = (guint64)mount;
  return TRUE;
}

static gboolean
same_boot (const char *a, const char *b)
{
  gsize length = strcspn (a, " ");

  return strncmp (a, b, length + 1) == 0;
}

static gboolean
is_mounted (ScMountRecord *record, const GPtrArray *mounts)
{
  for (guint i = 0; i < mounts->len; i++)
    {
      const ScMount *mount = mounts->pdata[i];
      g_autofree char *root = g_strdup (mount->root);

      if (mount->id != record->mount)
        continue;
      if (g_str_has_suffix (root, DELETED))
        root[strlen (root) - strlen (DELETED)] = '\0';
      if (g_str_has_suffix (root, record->shows)
          || (strcmp (mount->type, "overlay") == 0 && strcmp (mount->source, record->shows) == 0))
        record->mount_point = g_strdup (mount->mount_point);
      break; /* there is no other of this id */
    }
  return record->mount_point != NULL;
}

/* Puts the record of @name, a private directory, into the list where it belongs. */
static void
sort_record (ScCheckouts *checkouts, const char *name, const char *view, const GPtrArray *mounts, ScMountRecords *out)
{
  g_autofree char *path = g_build_filename (name, RECORD, NULL);
  g_autoptr (ScMountRecord) record = g_new0 (ScMountRecord, 1);
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) bytes = sc_fs_read_file_at (checkouts->dfd, path, RECORD_LIMIT, &error);

  record->name = g_strdup (name);
  if (bytes == NULL && g_error_matches (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND))
    g_ptr_array_add (out->stale, g_steal_pointer (&record));
  else if (bytes == NULL || !parse (record, bytes, &error))
    g_ptr_array_add (out->problems, g_strdup_printf ("%s/%s: %s", checkouts->path, name, error->message));
  else if (strcmp (record->view, view) == 0 && is_mounted (record, mounts))
    g_ptr_array_add (out->live, g_steal_pointer (&record));
  else if (strcmp (record->view, view) == 0 || !same_boot (view, record->view))
    g_ptr_array_add (out->stale, g_steal_pointer (&record));
}

gboolean
sc_mount_records_load (ScCheckouts *checkouts, ScMountRecords *out_records, GError **error)
{
  g_auto (GStrv) names = sc_fs_list_dir_at (checkouts->dfd, ".", error);
  g_autoptr (GPtrArray) mounts = NULL;
  g_autofree char *view = NULL;
  g_auto (ScMountRecords) records = { 0 };

  if (names == NULL)
    return FALSE;
  records.live = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_mount_record_free);
  records.stale = g_ptr_array_new_with_free_func ((GDestroyNotify)sc_mount_record_free);
  records.problems = g_ptr_array_new_with_free_func (g_free);
  for (guint i = 0; names[i] != NULL; i++)
    {
      if (!g_str_has_prefix (names[i], SC_MOUNTS_PREFIX "."))
        continue;
      if (mounts == NULL
          && ((mounts = sc_mountinfo_load (error)) == NULL || (view = sc_mountinfo_view (error)) == NULL))
        return FALSE;
      sort_record (checkouts, names[i], view, mounts, &records);
    }
  *out_records = records;
  records = (ScMountRecords){ 0 };
  return TRUE;
}
