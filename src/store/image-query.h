/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "model.h"
#include "store.h"

/* An image of the repository. */
typedef struct
{
  char *name;       /* "[registry/]repository:tag" or "...@sha256:..."; for an untagged layer its hex */
  char *repository; /* @name without tag or digest */
  char *tag;        /* tag, digest, or "<none>" for an untagged layer */
  char *id;         /* hex: manifest digest; config digest or commit in repositories of old tools; a layer's digest */
  char *branch;     /* ref */
  char *commit;     /* checksum of the commit; SC_IMAGE_NO_COMMIT if @damaged */
  gint64 created;   /* seconds since the epoch: when it was pulled */
  guint64 virtual_size; /* bytes: compressed size of its layers, as far as known */
  gboolean dangling;    /* a layer that no tag needs */
  char *verification;   /* (nullable): how it was verified when it was pulled; NULL: another tool pulled it */
  char *platform;       /* (nullable): that it was asked for, "os/architecture[/variant]"; NULL: this machine's */
  char *source;         /* (nullable): reference that it was pulled from, written out; NULL: another tool pulled it */
  ScManifest *manifest; /* (nullable): NULL for a layer, if the commit has none, and in a brief list */
  gboolean damaged;     /* the branch names no commit; then @id is empty, and @problem set */
  char *problem;        /* (nullable): why its commit could not be read; then only its names are known */
} ScImage;

/* A checksum that no commit has. */
#define SC_IMAGE_NO_COMMIT "0000000000000000000000000000000000000000000000000000000000000000"

/* The keys of these in the metadata of the image's commit. */
#define SC_IMAGE_VERIFICATION_KEY "atomic.verification"
#define SC_IMAGE_SOURCE_KEY       "atomic.source"
#define SC_IMAGE_PLATFORM_KEY     "atomic.platform"

void sc_image_free (ScImage *image);
G_DEFINE_AUTOPTR_CLEANUP_FUNC (ScImage, sc_image_free)

/* (transfer container) (element-type ScImage): sorted by name; @all adds layers that no tag needs. Reads refs and
 * commit metadata only. */
GPtrArray *sc_image_list (ScStore *store, gboolean all, GCancellable *cancellable, GError **error) SC_CHECK;

/* (transfer container) (element-type ScImage): the same without @all, for those who show a list: manifests are read for
 * their sizes only, @manifest is NULL. */
GPtrArray *sc_image_list_brief (ScStore *store, GCancellable *cancellable, GError **error) SC_CHECK;

/* Adds the hex digests (owned) of the config and the layers of @image to the set @needed; FALSE: its manifest is not
 * known, and so not what it needs. */
gboolean sc_image_add_needed (const ScImage *image, GHashTable *needed);

/* (transfer full) (nullable): the image that the commit of an image's branch stands for, whether or not a branch still
 * does; its names are the commit's. NULL without error if the repository has no such commit. */
ScImage *sc_image_of_commit (ScStore *store, const char *commit, GError **error);

/* (transfer full): hex digests of the layers and configs that images name, as a set. */
GHashTable *sc_image_needed_blobs (ScStore *store, GCancellable *cancellable, GError **error) SC_CHECK;

/**
 * sc_image_find:
 * @text: a name as the user writes it (tag "latest" if there is none, transports that store under a name included),
 *        or a prefix of an id
 *
 * Errors: SC_ERROR_NOT_FOUND "no image 'X'"; SC_ERROR_USAGE for a prefix of several ids (all named).
 */
ScImage *sc_image_find (ScStore *store, const char *text, GCancellable *cancellable, GError **error) SC_CHECK;

/* The image's config; SC_ERROR_NOT_FOUND if the repository does not have it. */
ScImageConfig *sc_image_load_config (ScStore *store, const ScImage *image, GCancellable *cancellable,
                                     GError **error) SC_CHECK;

/* (transfer full): the image that the commit @commit is, whatever its branch is now; @name: what to call it. Errors:
 * SC_ERROR_NOT_FOUND if the repository does not have the commit, SC_ERROR_INVALID if it is none of an image. */
ScImage *sc_image_find_commit (ScStore *store, const char *name, const char *commit, GError **error) SC_CHECK;
