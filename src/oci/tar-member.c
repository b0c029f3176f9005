/* SPDX-License-Identifier: LGPL-2.1-or-later */

/*
 * Single members of a tar file, as streams.  Nothing is ever unpacked to disk but into files without a name, and no
 * member is held in memory unless it is asked for whole or is short and may be JSON.  The archive is hostile: the
 * number of members and the length of their paths are bounded, links lead nowhere but to other members, and sparse
 * members, whose size costs their author nothing, are refused.
 */

#include "tar-member.h"

#include <errno.h>
#include <gio/gunixinputstream.h>
#include <string.h>
#include <unistd.h>

#include "fs.h"
#include "spool.h"
#include "tar-private.h"

#define COPY_SIZE      ((gsize)128 * 1024)
#define MAX_PATH       512
#define MAX_LINKS      40
#define KEEP_MAX       ((guint64)8 * 1024 * 1024) /* of one member: the largest config that is accepted */
#define KEEP_TOTAL_MAX ((guint64)16 * 1024 * 1024)

typedef struct
{
  ScTarMember parent;
  GBytes *kept; /* (nullable): all of it */
  guint turn;   /* in the plan, from 1; 0: not in it */
  int spool;    /* its bytes, or -1 */
} Member;

struct _ScTar
{
  ScTarReader reader;
  guint serial;        /* of the stream that the reader serves */
  gboolean costly;     /* a pass is */
  guint64 kept;        /* bytes of all Member.kept */
  GHashTable *members; /* path -> Member, owned */
  GPtrArray *plan;     /* (nullable): Member, in the order of their turns */
  const ScContext *ctx;
};

static void
member_free (Member *member)
{
  g_free (member->parent.path);
  g_free (member->parent.target);
  g_clear_pointer (&member->kept, g_bytes_unref);
  sc_close_fd_p (&member->spool);
  g_free (member);
}

/* (transfer full) (nullable): @path with its "." and ".." resolved, NULL if it is empty, leaves the archive or
 * is too long. @base: (nullable): the member whose directory it is relative to. */
static char *
normalise (const char *base, const char *path)
{
  g_autoptr (GPtrArray) parts = g_ptr_array_new_with_free_func (g_free);
  g_autofree char *dir = base != NULL && *path != '/' ? g_path_get_dirname (base) : NULL;
  g_autofree char *whole = dir != NULL ? g_strconcat (dir, "/", path, NULL) : g_strdup (path);
  g_auto (GStrv) components = NULL;

  if (strlen (whole) > MAX_PATH)
    return NULL;
  components = g_strsplit (whole, "/", -1);
  for (gsize i = 0; components[i] != NULL; i++)
    {
      const char *c = components[i];

      if (*c == '\0' || strcmp (c, ".") == 0)
        continue;
      if (strcmp (c, "..") != 0)
        g_ptr_array_add (parts, g_strdup (c));
      else if (parts->len > 0)
        g_ptr_array_remove_index (parts, parts->len - 1);
      else
        return NULL;
    }
  if (parts->len == 0)
    return NULL;
  g_ptr_array_add (parts, NULL);
  return g_strjoinv ("/", (char **)parts->pdata);
}

static const char *
entry_path (struct archive_entry *entry)
{
  const char *path = archive_entry_pathname (entry);

  return path != NULL ? path : archive_entry_pathname_utf8 (entry);
}

/* Reads the first bytes of a regular file, and all of a short one that may be JSON if that spares another pass. */
static gboolean
read_start (ScTar *tar, Member *m, GError **error)
{
  ScTarMember *member = &m->parent;
  g_autofree guint8 *data = NULL;
  gssize n = sc_tar_reader_read (&tar->reader, member->start, SC_TAR_START_SIZE, error);
  gsize have;

  if (n < 0)
    return FALSE;
  member->n_start = (guint)n;
  if (!tar->costly || n == 0 || strchr ("{[", member->start[0]) == NULL || member->size > KEEP_MAX
      || member->size > KEEP_TOTAL_MAX - tar->kept)
    return TRUE;
  data = g_malloc (member->size);
  have = MIN ((gsize)n, member->size);
  memcpy (data, member->start, have);
  while (have < member->size)
    {
      n = sc_tar_reader_read (&tar->reader, data + have, member->size - have, error);
      if (n < 0)
        return FALSE;
      if (n == 0)
        return sc_fail (error, SC_ERROR_INVALID, "archive %s: a member ends too soon", tar->reader.name);
      have += (gsize)n;
    }
  m->kept = g_bytes_new_take (g_steal_pointer (&data), have);
  tar->kept += have;
  return TRUE;
}

/* (transfer full) (nullable): the member of @path that @entry, the current one, is. */
static Member *
make_member (ScTar *tar, struct archive_entry *entry, char *path, GError **error)
{
  Member *m = g_new0 (Member, 1);
  ScTarMember *member = &m->parent;
  const char *hardlink = archive_entry_hardlink (entry);
  const char *symlink = archive_entry_symlink (entry);

  m->spool = -1;
  member->index = tar->reader.at - 1;
  member->path = path;
  if (hardlink != NULL)
    member->target = normalise (NULL, hardlink);
  else if (archive_entry_filetype (entry) == AE_IFLNK)
    member->target = symlink != NULL ? normalise (path, symlink) : NULL;
  else if (archive_entry_filetype (entry) == AE_IFREG && archive_entry_size (entry) >= 0
           && archive_entry_sparse_count (entry) == 0)
    {
      member->data = TRUE;
      member->size = (guint64)archive_entry_size (entry);
      if (!read_start (tar, m, error))
        {
          member_free (m);
          return NULL;
        }
    }
  return m;
}

static gboolean
list_members (ScTar *tar, GError **error)
{
  struct archive_entry *entry;

  if (!sc_tar_reader_rewind (&tar->reader, error))
    return FALSE;
  tar->costly = sc_tar_reader_is_costly (&tar->reader);
  while (TRUE)
    {
      g_autofree char *path = NULL;
      Member *member;

      if (!sc_tar_reader_next (&tar->reader, &entry, error))
        return FALSE;
      if (entry == NULL)
        return sc_tar_reader_finish (&tar->reader, error);
      if (tar->reader.at > SC_TAR_MAX_MEMBERS)
        return sc_fail (error, SC_ERROR_LIMIT, "archive %s: more than %d members", tar->reader.name,
                        SC_TAR_MAX_MEMBERS);
      if (entry_path (entry) != NULL)
        path = normalise (NULL, entry_path (entry));
      if (path == NULL)
        continue;
      member = make_member (tar, entry, g_steal_pointer (&path), error);
      if (member == NULL)
        return FALSE;
      g_hash_table_replace (tar->members, member->parent.path, member);
    }
}

static ScTar *
tar_new (void)
{
  ScTar *tar = g_new0 (ScTar, 1);

  tar->reader.fd = -1;
  tar->members = g_hash_table_new_full (g_str_hash, g_str_equal, NULL, (GDestroyNotify)member_free);
  return tar;
}

static gboolean
list (ScTar *tar, GCancellable *cancellable, GError **error)
{
  gboolean ok;

  tar->reader.cancellable = cancellable;
  ok = list_members (tar, error);
  tar->reader.cancellable = NULL;
  return ok;
}

ScTar *
sc_tar_open (const char *path, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScTar) tar = tar_new ();

  if (!sc_tar_reader_init_file (&tar->reader, path, error) || !list (tar, cancellable, error))
    return NULL;
  return g_steal_pointer (&tar);
}

ScTar *
sc_tar_open_stream (const char *name, ScTarOpenFunc open, gpointer data, GCancellable *cancellable, GError **error)
{
  g_autoptr (ScTar) tar = tar_new ();

  sc_tar_reader_init_stream (&tar->reader, name, open, data);
  return list (tar, cancellable, error) ? g_steal_pointer (&tar) : NULL;
}

void
sc_tar_free (ScTar *tar)
{
  if (tar == NULL)
    return;
  sc_tar_reader_clear (&tar->reader);
  g_clear_pointer (&tar->plan, g_ptr_array_unref);
  g_clear_pointer (&tar->members, g_hash_table_unref);
  g_free (tar);
}

const ScTarMember *
sc_tar_find (ScTar *tar, const char *path, GError **error)
{
  g_autofree char *start = normalise (NULL, path);
  const ScTarMember *member = start != NULL ? g_hash_table_lookup (tar->members, start) : NULL;
  const char *name = tar->reader.name;

  for (guint links = 0; member != NULL && member->target != NULL; links++)
    {
      if (links == MAX_LINKS)
        return sc_fail_null (error, SC_ERROR_INVALID, "archive %s: member %s: too many links", name, path);
      member = g_hash_table_lookup (tar->members, member->target);
    }
  if (member == NULL)
    return sc_fail_null (error, SC_ERROR_NOT_FOUND, "archive %s: it has no member %s", name, path);
  if (!member->data)
    return sc_fail_null (error, SC_ERROR_INVALID, "archive %s: member %s is not a plain file", name, path);
  return member;
}

/* The stream of one member. */
typedef struct
{
  GInputStream parent;
  ScTar *tar;
  guint serial;
  guint64 left;
} ScTarStream;

typedef GInputStreamClass ScTarStreamClass;

static GType sc_tar_stream_get_type (void);
G_DEFINE_TYPE (ScTarStream, sc_tar_stream, G_TYPE_INPUT_STREAM)

static gssize
stream_read (GInputStream *stream, void *buffer, gsize count, GCancellable *cancellable, GError **error)
{
  ScTarStream *self = (ScTarStream *)stream;
  ScTar *tar = self->tar;
  gssize n;

  if (self->left == 0)
    return 0;
  if (tar->reader.archive == NULL || tar->serial != self->serial)
    {
      sc_fail (error, SC_ERROR_FAILED, "archive %s: read on after an error or another member", tar->reader.name);
      return -1;
    }
  tar->reader.cancellable = cancellable;
  n = sc_tar_reader_read (&tar->reader, buffer, (gsize)MIN (count, self->left), error);
  tar->reader.cancellable = NULL;
  if (n == 0)
    sc_fail (error, SC_ERROR_INVALID, "archive %s: a member ends too soon", tar->reader.name);
  if (n <= 0)
    return -1;
  self->left -= (guint64)n;
  return n;
}

static void
sc_tar_stream_class_init (ScTarStreamClass *klass)
{
  klass->read_fn = stream_read;
}

static void
sc_tar_stream_init (ScTarStream *self)
{
}

void
sc_tar_plan (ScTar *tar, const ScContext *ctx, const ScTarMember *const *members, guint n)
{
  if (!tar->costly)
    return;
  tar->ctx = ctx;
  tar->plan = g_ptr_array_sized_new (n);
  for (guint i = 0; i < n; i++)
    {
      Member *member = g_hash_table_lookup (tar->members, members[i]->path);

      if (member->turn > 0)
        continue;
      g_ptr_array_add (tar->plan, member);
      member->turn = tar->plan->len;
    }
}

static gboolean
fail_changed (ScTar *tar, GError **error)
{
  return sc_fail (error, SC_ERROR_INVALID, "archive %s: it changed while it was read", tar->reader.name);
}

static gboolean
entry_is (struct archive_entry *entry, const ScTarMember *member)
{
  return archive_entry_filetype (entry) == AE_IFREG && archive_entry_size (entry) == (la_int64_t)member->size
         && archive_entry_sparse_count (entry) == 0;
}

/* Puts the current member aside. */
static gboolean
spool_member (ScTar *tar, Member *member, GError **error)
{
  g_autofree guint8 *buffer = g_malloc (COPY_SIZE);
  SC_AUTOFD int fd = sc_spool_open (tar->ctx, error);
  guint64 left = member->parent.size;

  if (fd < 0)
    return sc_prefix (error, "archive %s", tar->reader.name);
  while (left > 0)
    {
      gssize n = sc_tar_reader_read (&tar->reader, buffer, MIN (COPY_SIZE, left), error);

      if (n < 0)
        return FALSE;
      if (n == 0)
        return sc_fail (error, SC_ERROR_INVALID, "archive %s: a member ends too soon", tar->reader.name);
      if (!sc_fs_write_all (fd, buffer, (gsize)n, error))
        return sc_prefix (error, "archive %s: cannot put a layer aside", tar->reader.name);
      left -= (guint64)n;
    }
  member->spool = sc_steal_fd (&fd);
  return TRUE;
}

/* Does with the current member what the plan says, on the way to the member of @turn. */
static gboolean
pass_member (ScTar *tar, guint turn, struct archive_entry *entry, GError **error)
{
  for (guint i = turn; turn > 0 && i < tar->plan->len; i++)
    {
      Member *member = g_ptr_array_index (tar->plan, i);

      if (member->parent.index != tar->reader.at - 1 || member->spool >= 0)
        continue;
      return entry_is (entry, &member->parent) ? spool_member (tar, member, error) : fail_changed (tar, error);
    }
  return TRUE;
}

static gboolean
go_to_member (ScTar *tar, const Member *wanted, GError **error)
{
  const ScTarMember *member = &wanted->parent;
  ScTarReader *reader = &tar->reader;
  struct archive_entry *entry = NULL;

  if ((reader->archive == NULL || reader->at > member->index) && !sc_tar_reader_rewind (reader, error))
    return FALSE;
  while (reader->at <= member->index)
    {
      if (!sc_tar_reader_next (reader, &entry, error))
        return FALSE;
      if (entry == NULL)
        break;
      if (reader->at <= member->index && !pass_member (tar, wanted->turn, entry, error))
        return FALSE;
    }
  return entry != NULL && entry_is (entry, member) ? TRUE : fail_changed (tar, error);
}

GInputStream *
sc_tar_open_member (ScTar *tar, const ScTarMember *member, GCancellable *cancellable, GError **error)
{
  Member *wanted = g_hash_table_lookup (tar->members, member->path);
  ScTarStream *stream;
  gboolean ok;

  tar->serial++;
  if (wanted->kept != NULL)
    return g_memory_input_stream_new_from_bytes (wanted->kept);
  if (wanted->spool >= 0)
    {
      if (lseek (wanted->spool, 0, SEEK_SET) < 0)
        return sc_fail_errno_null (error, errno, "archive %s: a layer that was put aside", tar->reader.name);
      return g_unix_input_stream_new (sc_steal_fd (&wanted->spool), TRUE);
    }
  tar->reader.cancellable = cancellable;
  ok = go_to_member (tar, wanted, error);
  tar->reader.cancellable = NULL;
  if (!ok)
    return NULL;
  stream = g_object_new (sc_tar_stream_get_type (), NULL);
  stream->tar = tar;
  stream->serial = tar->serial;
  stream->left = member->size;
  return G_INPUT_STREAM (stream);
}

GBytes *
sc_tar_read_member (ScTar *tar, const ScTarMember *member, gsize max, GCancellable *cancellable, GError **error)
{
  g_autoptr (GInputStream) stream = NULL;
  g_autofree guint8 *data = NULL;
  gsize n;

  if (member->size > max)
    return sc_fail_null (error, SC_ERROR_LIMIT, "archive %s: member %s: larger than %zu bytes", tar->reader.name,
                         member->path, max);
  stream = sc_tar_open_member (tar, member, cancellable, error);
  if (stream == NULL)
    return NULL;
  /* The stream ends neither sooner nor later than the member. */
  data = g_malloc (MAX (member->size, 1));
  if (!g_input_stream_read_all (stream, data, member->size, &n, cancellable, error))
    return NULL;
  return g_bytes_new_take (g_steal_pointer (&data), n);
}
