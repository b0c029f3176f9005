/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What is hashed is read from the inode itself, the way that libostree reads it, so that a file that somebody gave
 * another owner, mode or attribute is found as well as one with other bytes.
 */
#include "object-hash.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "fs.h"
#include "sort.h"

#define READ_SIZE     ((gsize)512 * 1024)
#define METADATA_MAX  ((goffset)128 * 1024 * 1024) /* libostree reads no larger ones */
#define TARGET_MAX    4096
#define SELINUX       "security.selinux"
#define OSTREEMETA    "user.ostreemeta"
#define NOT_ITS_BYTES "its content, owner, mode or attributes do not have its checksum"

G_STATIC_ASSERT (XATTR_LIST_MAX + XATTR_SIZE_MAX <= READ_SIZE);

struct _ScObjectHasher
{
  OstreeRepoMode mode;
  ScSha256 *sum;
  GByteArray *header;
  guint8 *buffer;
  gboolean labels; /* labels were part of the last object that had one */
  ScHashProgress progress;
  gpointer progress_data;
};

/* A file being looked at. */
typedef struct
{
  int dfd;
  const char *path;
  int fd; /* -1: a link */
  struct stat st;
  char *reason; /* (nullable) */
} File;

ScObjectHasher *
sc_object_hasher_new (OstreeRepoMode mode)
{
  ScObjectHasher *h = g_new0 (ScObjectHasher, 1);

  h->mode = mode;
  h->sum = sc_sha256_new ();
  h->header = g_byte_array_new ();
  h->buffer = g_malloc (READ_SIZE);
  return h;
}

void
sc_object_hasher_free (ScObjectHasher *h)
{
  sc_sha256_free (h->sum);
  g_byte_array_unref (h->header);
  g_free (h->buffer);
  g_free (h);
}

void
sc_object_hasher_set_progress (ScObjectHasher *h, ScHashProgress progress, gpointer data)
{
  h->progress = progress;
  h->progress_data = data;
}

void
sc_object_path (OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], char out[SC_OBJECT_PATH_SIZE])
{
  char hex[SC_SHA256_HEX + 1];

  sc_digest_to_hex (checksum, hex);
  g_snprintf (out, SC_OBJECT_PATH_SIZE, "%.2s/%s.%s", hex, hex + 2, ostree_object_type_to_string (type));
}

/* The disk gave up, or the file system found itself damaged. */
static gboolean
is_damage (int errsv)
{
  return errsv == EIO || errsv == EUCLEAN || errsv == EBADMSG || errsv == EILSEQ || errsv == ENODATA;
}

/* An error of reading: a reason, or a failure. */
static gboolean
cannot_read (File *f, int errsv, GError **error)
{
  if (!is_damage (errsv))
    return sc_fail_errno (error, errsv, "cannot read %s", f->path);
  f->reason = g_strdup_printf ("it cannot be read: %s", g_strerror (errsv));
  return TRUE;
}

static gssize
list_xattrs (const File *f, const char *link, char *buffer, gsize size)
{
  return f->fd >= 0 ? flistxattr (f->fd, buffer, size) : llistxattr (link, buffer, size);
}

static gssize
get_xattr (const File *f, const char *link, const char *name, void *buffer, gsize size)
{
  return f->fd >= 0 ? fgetxattr (f->fd, name, buffer, size) : lgetxattr (link, name, buffer, size);
}

/* The attributes as libostree reads them: sorted, those without a value left out. @out_label: there is a label.
 * (nullable): NULL with or without a reason of @f. */
static GVariant *
read_xattrs (ScObjectHasher *h, File *f, gboolean labels, gboolean *out_label, GError **error)
{
  g_auto (GVariantBuilder) builder = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a(ayay)"));
  g_autoptr (GPtrArray) names = g_ptr_array_new ();
  g_autofree char *link = g_strdup_printf ("/proc/self/fd/%d/%s", f->dfd, f->path);
  char *list = (char *)h->buffer, *value = list + XATTR_LIST_MAX; /* the buffer is not in use yet */
  gssize size = list_xattrs (f, link, list, XATTR_LIST_MAX);

  if (size < 0 && errno != ENOTSUP)
    {
      cannot_read (f, errno, error);
      return NULL;
    }
  for (gssize at = 0; at < size; at += (gssize)strlen (list + at) + 1)
    g_ptr_array_add (names, list + at);
  sc_sort_strings (names);
  for (guint i = 0; i < names->len; i++)
    {
      const char *name = g_ptr_array_index (names, i);
      gboolean label = strcmp (name, SELINUX) == 0;

      *out_label |= label;
      if (label && !labels)
        continue;
      size = get_xattr (f, link, name, value, XATTR_SIZE_MAX);
      if (size < 0)
        {
          cannot_read (f, errno, error);
          return NULL;
        }
      if (size > 0)
        g_variant_builder_add (&builder, "(@ay@ay)", g_variant_new_bytestring (name),
                               g_variant_new_fixed_array (G_VARIANT_TYPE_BYTE, value, (gsize)size, 1));
    }
  return g_variant_ref_sink (g_variant_builder_end (&builder));
}

/* In a bare-user repository owner, mode and attributes are an attribute. FALSE with or without a reason. */
static gboolean
read_ostreemeta (File *f, ScObjectMeta *meta, GError **error)
{
  g_autofree char *value = g_malloc (XATTR_SIZE_MAX);
  gpointer owned = value;
  gssize size = f->fd < 0 ? -1 : fgetxattr (f->fd, OSTREEMETA, value, XATTR_SIZE_MAX);
  g_autoptr (GVariant) variant = NULL;

  if (size < 0 && f->fd >= 0 && errno != ENODATA && !is_damage (errno))
    return sc_fail_errno (error, errno, "cannot read %s", f->path);
  if (size >= 0)
    variant = g_variant_ref_sink (g_variant_new_from_data (OSTREE_FILEMETA_GVARIANT_FORMAT, g_steal_pointer (&value),
                                                           (gsize)size, FALSE, g_free, owned));
  if (variant == NULL || !g_variant_is_normal_form (variant))
    {
      f->reason = g_strdup ("its attribute " OSTREEMETA " is missing or damaged");
      return FALSE;
    }
  g_variant_get (variant, "(uuu@a(ayay))", &meta->uid, &meta->gid, &meta->mode, &meta->xattrs);
  meta->uid = GUINT32_FROM_BE (meta->uid);
  meta->gid = GUINT32_FROM_BE (meta->gid);
  meta->mode = GUINT32_FROM_BE (meta->mode);
  return TRUE;
}

/* The mode of the file itself is beside that: what libostree gives it, without setuid and the like and without writing
 * by others; before 2017.7 it added 0755. What stands for a link has any. */
static gboolean
is_mode_of (const File *f, guint32 mode)
{
  guint32 own = f->st.st_mode & 07777, wanted = (mode & 0775) | 0400;

  return S_ISLNK (mode) || own == wanted || own == (wanted | 0755);
}

/* The rest of the file into the sum. */
static gboolean
hash_bytes (ScObjectHasher *h, File *f, GCancellable *cancellable, GError **error)
{
  if (f->st.st_size > (off_t)READ_SIZE)
    {
      (void)posix_fadvise (f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
      (void)posix_fadvise (f->fd, 0, 0, POSIX_FADV_NOREUSE);
    }
  for (;;)
    {
      gssize n = read (f->fd, h->buffer, READ_SIZE);

      if (g_cancellable_set_error_if_cancelled (cancellable, error))
        return FALSE;
      if (n < 0 && errno == EINTR)
        continue;
      if (n < 0)
        return cannot_read (f, errno, error);
      if (n == 0)
        return TRUE;
      sc_sha256_update (h->sum, h->buffer, (gsize)n);
      if (h->progress != NULL)
        h->progress ((guint64)n, h->progress_data);
    }
}

/* The header of a content object, its bytes not. FALSE with or without a reason. */
static gboolean
make_header (ScObjectHasher *h, File *f, gboolean labels, gboolean *out_label, gboolean *out_has_bytes, GError **error)
{
  ScObjectMeta meta = { .uid = f->st.st_uid, .gid = f->st.st_gid, .mode = f->st.st_mode };
  g_autoptr (GVariant) xattrs = NULL;
  char target[TARGET_MAX + 1] = "";
  gssize length = 0;

  if (h->mode != OSTREE_REPO_MODE_BARE)
    {
      if (!read_ostreemeta (f, &meta, error))
        return FALSE;
      if (!is_mode_of (f, meta.mode))
        {
          f->reason = g_strdup_printf ("its mode is %04o, which no object has of a file of mode %04o",
                                       f->st.st_mode & 07777, meta.mode & 07777);
          g_variant_unref (meta.xattrs);
          return FALSE;
        }
    }
  else if ((meta.xattrs = read_xattrs (h, f, labels, out_label, error)) == NULL)
    return FALSE;
  xattrs = meta.xattrs;
  *out_has_bytes = !S_ISLNK (meta.mode);
  if (S_ISLNK (meta.mode))
    length = f->fd < 0 ? readlinkat (f->dfd, f->path, target, TARGET_MAX) : read (f->fd, target, TARGET_MAX);
  if (length < 0)
    {
      cannot_read (f, errno, error);
      return FALSE;
    }
  target[length] = '\0';
  /* In a bare-user repository libostree writes the NUL too. */
  if (length > 0 && target[length - 1] == '\0')
    length--;
  if (!g_utf8_validate (target, length, NULL))
    {
      f->reason = g_strdup (NOT_ITS_BYTES);
      return FALSE;
    }
  return sc_object_header (h->header, &meta, target, error);
}

static gboolean
hash_content (ScObjectHasher *h, File *f, gboolean labels, gboolean *out_label, guint8 out[SC_SHA256_SIZE],
              GCancellable *cancellable, GError **error)
{
  gboolean has_bytes = FALSE;

  if (f->fd >= 0 && lseek (f->fd, 0, SEEK_SET) != 0)
    return sc_fail_errno (error, errno, "cannot seek in %s", f->path);
  if (!make_header (h, f, labels, out_label, &has_bytes, error))
    return f->reason != NULL;
  sc_sha256_reset (h->sum);
  sc_sha256_update (h->sum, h->header->data, h->header->len);
  if (has_bytes && f->fd >= 0 && (!hash_bytes (h, f, cancellable, error) || f->reason != NULL))
    return f->reason != NULL;
  sc_sha256_finish (h->sum, out);
  return TRUE;
}

/* Whether a label is part of an object depends on who wrote it: on a host with SELinux every file has one. */
static gboolean
check_content (ScObjectHasher *h, File *f, const guint8 checksum[SC_SHA256_SIZE], GCancellable *cancellable,
               GError **error)
{
  guint8 found[SC_SHA256_SIZE];
  gboolean label = FALSE;

  if (!hash_content (h, f, h->labels, &label, found, cancellable, error))
    return FALSE;
  if (f->reason == NULL && label && memcmp (found, checksum, SC_SHA256_SIZE) != 0)
    {
      if (!hash_content (h, f, !h->labels, &label, found, cancellable, error))
        return FALSE;
      if (f->reason == NULL && memcmp (found, checksum, SC_SHA256_SIZE) == 0)
        h->labels = !h->labels;
    }
  if (f->reason == NULL && memcmp (found, checksum, SC_SHA256_SIZE) != 0)
    f->reason = g_strdup (NOT_ITS_BYTES);
  return TRUE;
}

static gboolean
check_metadata (ScObjectHasher *h, File *f, const guint8 checksum[SC_SHA256_SIZE], GCancellable *cancellable,
                GError **error)
{
  guint8 found[SC_SHA256_SIZE];

  if (f->fd < 0 || f->st.st_size > METADATA_MAX)
    {
      f->reason = g_strdup (f->fd < 0 ? "it is not a file" : "it is too large");
      return TRUE;
    }
  sc_sha256_reset (h->sum);
  if (!hash_bytes (h, f, cancellable, error))
    return FALSE;
  sc_sha256_finish (h->sum, found);
  if (f->reason == NULL && memcmp (found, checksum, SC_SHA256_SIZE) != 0)
    f->reason = g_strdup ("its content does not have its checksum");
  return TRUE;
}

gboolean
sc_object_hasher_check (ScObjectHasher *h, OstreeObjectType type, const guint8 checksum[SC_SHA256_SIZE], int dfd,
                        const char *path, char **out_reason, GCancellable *cancellable, GError **error)
{
  File f = { .dfd = dfd, .path = path, .fd = -1 };
  SC_AUTOFD int fd = -1;
  gboolean ok = TRUE;

  if (fstatat (dfd, path, &f.st, AT_SYMLINK_NOFOLLOW) != 0)
    ok = cannot_read (&f, errno, error);
  else if (S_ISREG (f.st.st_mode))
    {
      fd = f.fd = openat (dfd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
      if (fd < 0)
        ok = cannot_read (&f, errno, error);
    }
  else if (!S_ISLNK (f.st.st_mode))
    f.reason = g_strdup ("it is not a file");
  if (ok && f.reason == NULL)
    ok = OSTREE_OBJECT_TYPE_IS_META (type) ? check_metadata (h, &f, checksum, cancellable, error)
                                           : check_content (h, &f, checksum, cancellable, error);
  if (!ok)
    {
      g_free (f.reason);
      return FALSE;
    }
  *out_reason = f.reason;
  return TRUE;
}

static gboolean
hash_dir (ScObjectHasher *h, File *f, gboolean labels, gboolean *out_label, guint8 out[SC_SHA256_SIZE], GError **error)
{
  g_autoptr (GVariant) xattrs = read_xattrs (h, f, labels, out_label, error), variant = NULL;
  ScObjectMeta meta = { .uid = f->st.st_uid, .gid = f->st.st_gid, .mode = f->st.st_mode, .xattrs = xattrs };

  if (xattrs == NULL)
    return f->reason != NULL;
  variant = sc_object_dirmeta (&meta);
  sc_sha256_reset (h->sum);
  sc_sha256_update (h->sum, g_variant_get_data (variant), g_variant_get_size (variant));
  sc_sha256_finish (h->sum, out);
  return TRUE;
}

gboolean
sc_object_hasher_check_dir (ScObjectHasher *h, const guint8 checksum[SC_SHA256_SIZE], int fd, char **out_reason,
                            GError **error)
{
  File f = { .dfd = fd, .path = ".", .fd = fd };
  guint8 found[SC_SHA256_SIZE];
  gboolean label = FALSE;

  if (fstat (fd, &f.st) != 0)
    return sc_fail_errno (error, errno, "cannot look");
  if (!hash_dir (h, &f, FALSE, &label, found, error)
      || (f.reason == NULL && label && memcmp (found, checksum, SC_SHA256_SIZE) != 0
          && !hash_dir (h, &f, TRUE, &label, found, error)))
    return FALSE;
  if (f.reason == NULL && memcmp (found, checksum, SC_SHA256_SIZE) != 0)
    f.reason = g_strdup ("its owner, mode or attributes are not those of the image");
  *out_reason = f.reason;
  return TRUE;
}
