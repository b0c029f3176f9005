/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Documents of an image: what is read of good ones, and the error for each thing that can be wrong. */

#include "model.h"

#include <string.h>

#define HEX_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HEX_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define DIG_A "sha256:" HEX_A
#define DIG_B "sha256:" HEX_B

#define DESC(type, size, digest) "{\"mediaType\":\"" type "\",\"size\":" #size ",\"digest\":\"" digest "\"}"
#define CONFIG                   DESC (SC_MT_OCI_CONFIG, 10, DIG_A)
#define LAYER                    DESC (SC_MT_OCI_LAYER "+gzip", 20, DIG_B)
#define MANIFEST(members)        "{\"schemaVersion\":2" members "}"
#define OK_MANIFEST              MANIFEST (",\"config\":" CONFIG ",\"layers\":[" LAYER "]")
#define INDEX(entries)           "{\"schemaVersion\":2,\"manifests\":[" entries "]}"
#define ENTRY(digest, platform)                                                                                        \
  "{\"mediaType\":\"" SC_MT_OCI_MANIFEST "\",\"size\":5,\"digest\":\"" digest "\"" platform "}"
#define PLATFORM(os, arch) ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\"}"
#define VARIANT(os, arch, vari)                                                                                        \
  ",\"platform\":{\"os\":\"" os "\",\"architecture\":\"" arch "\",\"variant\":\"" vari "\"}"

static GBytes *
bytes (const char *text)
{
  return g_bytes_new_static (text, strlen (text));
}

static void
assert_failed (GError *error, ScError code, const char *reason)
{
  g_assert_error (error, SC_ERROR, (int)code);
  if (strstr (error->message, reason) == NULL)
    g_error ("expected '%s', got '%s'", reason, error->message);
}

static void
test_compression (void)
{
  static const struct
  {
    const char *media_type;
    ScCompression expected;
  } good[] = {
    { "application/vnd.oci.image.layer.v1.tar", SC_COMPRESSION_NONE },
    { "application/vnd.oci.image.layer.v1.tar+gzip", SC_COMPRESSION_GZIP },
    { "application/vnd.oci.image.layer.v1.tar+zstd", SC_COMPRESSION_ZSTD },
    { "application/vnd.docker.image.rootfs.diff.tar", SC_COMPRESSION_NONE },
    { "application/vnd.docker.image.rootfs.diff.tar.gzip", SC_COMPRESSION_GZIP },
    { "application/vnd.docker.image.rootfs.diff.tar.zstd", SC_COMPRESSION_ZSTD },
  };
  static const struct
  {
    const char *media_type, *reason;
  } bad[] = {
    { "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", "foreign" },
    { "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign" },
    { "application/vnd.oci.image.layer.v1.tar+gzip+encrypted", "encrypted" },
    { "application/vnd.oci.image.layer.v1.tar+brotli", "brotli" },
    { "", "''" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      ScCompression found = (ScCompression)99;

      g_assert_true (sc_layer_compression (good[i].media_type, &found, &error));
      g_assert_no_error (error);
      g_assert_cmpint (found, ==, good[i].expected);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      ScCompression found;

      g_assert_false (sc_layer_compression (bad[i].media_type, &found, &error));
      assert_failed (error, SC_ERROR_UNSUPPORTED, bad[i].reason);
    }
}

static void
test_platform (void)
{
#define P(os, arch, variant) &(const ScPlatform){ (char *)os, (char *)arch, (char *)variant }
  g_assert_cmpstr (sc_platform_host ()->os, ==, "linux");
  g_assert_true (sc_platform_matches (sc_platform_host (), sc_platform_host ()));
  g_assert_true (sc_platform_matches (P ("linux", "arm64", "v8"), P ("linux", "arm64", NULL)));
  g_assert_true (sc_platform_matches (P ("linux", "arm64", NULL), P ("linux", "arm64", "v8")));
  g_assert_true (sc_platform_matches (P ("linux", "arm", "v6"), P ("linux", "arm", "v7")));
  g_assert_true (sc_platform_matches (P ("linux", "arm", NULL), P ("linux", "arm", "v7")));
  g_assert_true (sc_platform_matches (P ("linux", "amd64", "v1"), P ("linux", "amd64", NULL)));
  g_assert_false (sc_platform_matches (P ("linux", "arm", "v7"), P ("linux", "arm", "v6")));
  g_assert_false (sc_platform_matches (P ("linux", "amd64", "v3"), P ("linux", "amd64", NULL)));
  g_assert_false (sc_platform_matches (P ("windows", "amd64", NULL), P ("linux", "amd64", NULL)));
  g_assert_false (sc_platform_matches (P ("linux", "arm64", NULL), P ("linux", "amd64", NULL)));
#undef P
}

static void
test_manifest (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) raw = bytes (OK_MANIFEST);
  g_autoptr (ScManifest) m = sc_manifest_parse (raw, &error);
  const ScDescriptor *layer;

  g_assert_no_error (error);
  g_assert_true (m->raw == raw);
  g_assert_cmpstr (m->media_type, ==, SC_MT_OCI_MANIFEST);
  g_assert_true (g_str_has_prefix (m->digest, "sha256:"));
  g_assert_cmpstr (m->config->digest, ==, DIG_A);
  g_assert_cmpuint (m->config->size, ==, 10);
  g_assert_cmpuint (m->layers->len, ==, 1);
  layer = g_ptr_array_index (m->layers, 0);
  g_assert_cmpstr (layer->digest, ==, DIG_B);
  g_assert_cmpstr (layer->media_type, ==, SC_MT_OCI_LAYER "+gzip");
}

static void
test_manifest_docker (void)
{
  static const char *const texts[] = {
    MANIFEST (",\"mediaType\":\"" SC_MT_DOCKER_MANIFEST "\",\"config\":" DESC (
        SC_MT_DOCKER_CONFIG, 1, DIG_A) ",\"layers\":[" DESC (SC_MT_DOCKER_LAYER ".gzip", 2, DIG_B) "," LAYER "]"),
    MANIFEST (",\"config\":" DESC (SC_MT_DOCKER_CONFIG, 1, DIG_A) ",\"layers\":[]"),
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) raw = bytes (texts[i]);
      g_autoptr (ScManifest) m = sc_manifest_parse (raw, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (m->media_type, ==, SC_MT_DOCKER_MANIFEST);
    }
}

static const struct
{
  const char *text;
  ScError code;
  const char *reason;
} bad_manifests[] = {
  { "", SC_ERROR_INVALID, "manifest" },
  { "[]", SC_ERROR_INVALID, "manifest: expected an object" },
  { "{", SC_ERROR_INVALID, "line 1" },
  { "{}", SC_ERROR_INVALID, "schemaVersion" },
  { "{\"schemaVersion\":1,\"fsLayers\":[]}", SC_ERROR_UNSUPPORTED, "push it again" },
  { "{\"schemaVersion\":3}", SC_ERROR_INVALID, "schemaVersion is 3" },
  { "{\"schemaVersion\":\"2\"}", SC_ERROR_INVALID, "schemaVersion" },
  { MANIFEST (""), SC_ERROR_INVALID, "manifest: config" },
  { MANIFEST (",\"config\":null"), SC_ERROR_INVALID, "manifest: config" },
  { MANIFEST (",\"config\":" CONFIG), SC_ERROR_INVALID, "manifest: layers" },
  { MANIFEST (",\"config\":" CONFIG ",\"layers\":{}"), SC_ERROR_INVALID, "manifest: layers" },
  { MANIFEST (",\"config\":" CONFIG ",\"layers\":[" LAYER ",1]"), SC_ERROR_INVALID, "layers[1]" },
  { MANIFEST (",\"config\":" CONFIG ",\"layers\":[],\"manifests\":[]"), SC_ERROR_INVALID, "at once" },
  { MANIFEST (",\"mediaType\":\"" SC_MT_OCI_INDEX "\",\"config\":" CONFIG ",\"layers\":[]"), SC_ERROR_INVALID,
    "has mediaType 'application/vnd.oci.image.index" },
  { MANIFEST (",\"mediaType\":\"text/plain\",\"config\":" CONFIG ",\"layers\":[]"), SC_ERROR_INVALID, "text/plain" },
  { MANIFEST (",\"config\":" DESC ("application/vnd.oci.empty.v1+json", 2, DIG_A) ",\"layers\":[]"),
    SC_ERROR_UNSUPPORTED, "not a container image: its config is of type 'application/vnd.oci.empty.v1+json'" },
  { MANIFEST (",\"config\":{\"mediaType\":\"" SC_MT_OCI_CONFIG "\",\"size\":1},\"layers\":[]"), SC_ERROR_INVALID,
    "manifest: config.digest" },
  { MANIFEST (",\"config\":{\"size\":1,\"digest\":\"" DIG_A "\"},\"layers\":[]"), SC_ERROR_INVALID,
    "manifest: config.mediaType" },
  { MANIFEST (",\"config\":" DESC (SC_MT_OCI_CONFIG, -1, DIG_A) ",\"layers\":[]"), SC_ERROR_INVALID,
    "manifest: config: negative size -1" },
  { MANIFEST (",\"config\":" DESC (SC_MT_OCI_CONFIG, 1.5, DIG_A) ",\"layers\":[]"), SC_ERROR_INVALID,
    "manifest: config.size" },
  { MANIFEST (",\"config\":" DESC (SC_MT_OCI_CONFIG, 9223372036854775807, DIG_A) ",\"layers\":[]"), SC_ERROR_LIMIT,
    "more than is accepted" },
  { MANIFEST (",\"config\":" DESC (SC_MT_OCI_CONFIG, 99999999999999999999, DIG_A) ",\"layers\":[]"), SC_ERROR_INVALID,
    "" },
  { MANIFEST (",\"config\":" DESC (SC_MT_OCI_CONFIG, 1, "sha256:../../etc") ",\"layers\":[]"), SC_ERROR_INVALID,
    "manifest: config: invalid digest 'sha256:../../etc'" },
  { MANIFEST (",\"config\":" DESC (SC_MT_OCI_CONFIG, 1, "sha512:" HEX_A HEX_A) ",\"layers\":[]"), SC_ERROR_UNSUPPORTED,
    "digest algorithm 'sha512' is not supported" },
  { MANIFEST (",\"config\":" CONFIG ",\"layers\":[" LAYER
              "," DESC ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", 1, DIG_A) "]"),
    SC_ERROR_UNSUPPORTED, "manifest: layers[1]: foreign layers" },
};

static void
test_manifest_bad (void)
{
  for (gsize i = 0; i < G_N_ELEMENTS (bad_manifests); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) raw = bytes (bad_manifests[i].text);

      g_assert_null (sc_manifest_parse (raw, &error));
      assert_failed (error, bad_manifests[i].code, bad_manifests[i].reason);
    }
}

static void
test_manifest_limits (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GString) text = g_string_new ("{\"schemaVersion\":2,\"config\":" CONFIG ",\"layers\":[");
  g_autoptr (ScManifest) most = NULL;
  g_autoptr (GBytes) raw = NULL;
  g_autoptr (GBytes) more = NULL;
  g_autofree char *blanks = g_strnfill (SC_MANIFEST_MAX_SIZE, ' ');
  g_autofree char *padded = g_strconcat (OK_MANIFEST, blanks, NULL);
  g_autoptr (GBytes) large = bytes (padded);

  for (guint i = 0; i < SC_MANIFEST_MAX_LAYERS; i++)
    g_string_append_printf (text, "%s" LAYER, i > 0 ? "," : "");
  raw = g_bytes_new_take (g_strconcat (text->str, "]}", NULL), text->len + 2);
  most = sc_manifest_parse (raw, &error);
  g_assert_no_error (error);
  g_assert_cmpuint (most->layers->len, ==, SC_MANIFEST_MAX_LAYERS);

  g_string_append (text, "," LAYER "]}");
  more = bytes (text->str);
  g_assert_null (sc_manifest_parse (more, &error));
  assert_failed (error, SC_ERROR_LIMIT, "1001 entries");
  g_clear_error (&error);

  g_assert_null (sc_manifest_parse (large, &error));
  assert_failed (error, SC_ERROR_LIMIT, "more than the 4194304");
}

static void
test_kind (void)
{
  static const struct
  {
    const char *text, *media_type;
    gboolean is_index;
  } good[] = {
    { "{}", SC_MT_OCI_INDEX, TRUE },
    { "{}", SC_MT_DOCKER_LIST, TRUE },
    { "{}", SC_MT_DOCKER_MANIFEST, FALSE },
    { "{\"mediaType\":\"" SC_MT_DOCKER_LIST "\"}", "application/json", TRUE },
    { "{\"mediaType\":\"" SC_MT_OCI_MANIFEST "\",\"manifests\":[]}", NULL, FALSE },
    { "{\"manifests\":[]}", NULL, TRUE },
    { OK_MANIFEST, "text/plain", FALSE },
  };
  static const struct
  {
    const char *text, *media_type;
    ScError code;
    const char *reason;
  } bad[] = {
    { "{}", SC_MT_DOCKER_SCHEMA1, SC_ERROR_UNSUPPORTED, "push it again with a current tool" },
    { "{}", SC_MT_DOCKER_SCHEMA1_SIGNED, SC_ERROR_UNSUPPORTED, "push it again" },
    { "{\"schemaVersion\":1,\"fsLayers\":[]}", NULL, SC_ERROR_UNSUPPORTED, "push it again" },
    { "{}", NULL, SC_ERROR_INVALID, "neither" },
    { "<html>", "text/html", SC_ERROR_INVALID, "manifest: line 1" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) raw = bytes (good[i].text);
      gboolean is_index = !good[i].is_index;

      g_assert_true (sc_document_is_index (raw, good[i].media_type, &is_index, &error));
      g_assert_no_error (error);
      g_assert_cmpint (is_index, ==, good[i].is_index);
    }
  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) raw = bytes (bad[i].text);
      gboolean is_index;

      g_assert_false (sc_document_is_index (raw, bad[i].media_type, &is_index, &error));
      assert_failed (error, bad[i].code, bad[i].reason);
    }
}

static const ScDescriptor *
find (const char *text, const char *arch, const char *variant, ScIndex **out_index, GError **error)
{
  const ScPlatform want = { (char *)"linux", (char *)arch, (char *)variant };
  g_autoptr (GBytes) raw = bytes (text);

  *out_index = sc_index_parse (raw, error);
  return *out_index != NULL ? sc_index_find (*out_index, &want, error) : NULL;
}

static void
test_index (void)
{
  static const struct
  {
    const char *text, *arch, *variant, *digest;
  } good[] = {
    { INDEX (ENTRY (DIG_A, PLATFORM ("linux", "arm64")) "," ENTRY (DIG_B, PLATFORM ("linux", "amd64"))), "amd64", NULL,
      DIG_B },
    { INDEX (ENTRY (DIG_A, PLATFORM ("linux", "amd64")) "," ENTRY (DIG_B, PLATFORM ("linux", "amd64"))), "amd64", NULL,
      DIG_A },
    { INDEX (ENTRY (DIG_A, PLATFORM ("linux", "arm")) "," ENTRY (DIG_B, VARIANT ("linux", "arm", "v7"))), "arm", "v7",
      DIG_B },
    { INDEX (ENTRY (DIG_A, VARIANT ("linux", "arm", "v5")) "," ENTRY (DIG_B, VARIANT ("linux", "arm", "v6"))), "arm",
      "v7", DIG_B },
    { INDEX (ENTRY (DIG_A, VARIANT ("linux", "arm", "v7")) "," ENTRY (DIG_B, PLATFORM ("linux", "arm"))), "arm", "v6",
      DIG_B },
    { INDEX (ENTRY (DIG_A, PLATFORM ("unknown", "unknown")) "," ENTRY (DIG_B, PLATFORM ("linux", "amd64"))), "amd64",
      NULL, DIG_B },
    { INDEX (ENTRY (DIG_A, "")), "s390x", NULL, DIG_A },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (good); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScIndex) index = NULL;
      const ScDescriptor *found = find (good[i].text, good[i].arch, good[i].variant, &index, &error);

      g_assert_no_error (error);
      g_assert_cmpstr (found->digest, ==, good[i].digest);
    }
}

static void
test_index_bad (void)
{
  static const struct
  {
    const char *text;
    ScError code;
    const char *reason;
  } bad[] = {
    { INDEX (""), SC_ERROR_NOT_FOUND, "the index is empty" },
    { INDEX (ENTRY (DIG_A, PLATFORM ("linux", "arm64")) "," ENTRY (DIG_B, VARIANT ("linux", "arm", "v7"))),
      SC_ERROR_NOT_FOUND, "there is none for linux/amd64, only for: linux/arm64, linux/arm/v7" },
    { INDEX (ENTRY (DIG_A, PLATFORM ("unknown", "unknown"))), SC_ERROR_NOT_FOUND, "only for: nothing" },
    { INDEX (ENTRY (DIG_A, "") "," ENTRY (DIG_B, "")), SC_ERROR_NOT_FOUND, "no platform" },
    { INDEX (ENTRY (DIG_A, ",\"platform\":{\"os\":\"linux\"}")), SC_ERROR_INVALID, "manifests[0].platform.architect" },
    { INDEX (ENTRY (DIG_A, ",\"platform\":[]")), SC_ERROR_INVALID, "index: manifests[0].platform" },
    { "{\"schemaVersion\":2}", SC_ERROR_INVALID, "index: manifests" },
    { "{\"schemaVersion\":2,\"manifests\":[],\"config\":{}}", SC_ERROR_INVALID, "at once" },
    { OK_MANIFEST, SC_ERROR_INVALID, "index: manifests" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (ScIndex) index = NULL;

      g_assert_null (find (bad[i].text, "amd64", NULL, &index, &error));
      assert_failed (error, bad[i].code, bad[i].reason);
    }
}

static void
test_descriptor_copy (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) raw =
      bytes (INDEX (ENTRY (DIG_A, VARIANT ("linux", "arm", "v7") ",\"annotations\":"
                                                                 "{\"org.opencontainers.image.ref.name\":\"1.0\"}")));
  g_autoptr (ScIndex) index = sc_index_parse (raw, &error);
  g_autoptr (ScDescriptor) copy = NULL;

  g_assert_no_error (error);
  copy = sc_descriptor_copy (g_ptr_array_index (index->manifests, 0));
  g_clear_pointer (&index, sc_index_free);
  g_assert_cmpstr (copy->ref_name, ==, "1.0");
  g_assert_cmpstr (copy->digest, ==, DIG_A);
  g_assert_cmpstr (copy->media_type, ==, SC_MT_OCI_MANIFEST);
  g_assert_cmpuint (copy->size, ==, 5);
  g_assert_cmpstr (copy->platform->variant, ==, "v7");
}

#define ROOTFS            ",\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"" DIG_A "\",\"" DIG_B "\"]}"
#define IMAGE_CONFIG(etc) "{\"os\":\"linux\",\"architecture\":\"amd64\"" etc "}"

static void
test_config (void)
{
  g_autoptr (GError) error = NULL;
  g_autoptr (GBytes) raw = bytes (IMAGE_CONFIG (
      ",\"created\":\"2024-01-02T03:04:05Z\",\"config\":{\"User\":\"1000:1000\",\"Env\":[\"PATH=/bin\",\"A=\"],"
      "\"Entrypoint\":[\"/bin/sh\"],\"Cmd\":[\"-c\",\"id\"],\"WorkingDir\":\"/w\",\"StopSignal\":\"SIGINT\","
      "\"Volumes\":{\"/b\":{},\"/a\":{}},\"Labels\":{\"x\":\"y\"}}" ROOTFS));
  g_autoptr (ScImageConfig) c = sc_image_config_parse (raw, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (c->platform.os, ==, "linux");
  g_assert_cmpstr (c->platform.architecture, ==, "amd64");
  g_assert_cmpstr (c->created, ==, "2024-01-02T03:04:05Z");
  g_assert_cmpstr (c->user, ==, "1000:1000");
  g_assert_cmpstrv (c->env, ((const char *[]){ "PATH=/bin", "A=", NULL }));
  g_assert_cmpstrv (c->entrypoint, ((const char *[]){ "/bin/sh", NULL }));
  g_assert_cmpstrv (c->cmd, ((const char *[]){ "-c", "id", NULL }));
  g_assert_cmpstr (c->working_dir, ==, "/w");
  g_assert_cmpstr (c->stop_signal, ==, "SIGINT");
  g_assert_cmpstrv (c->volumes, ((const char *[]){ "/a", "/b", NULL }));
  g_assert_cmpstr (g_hash_table_lookup (c->labels, "x"), ==, "y");
  g_assert_cmpuint (c->diff_ids->len, ==, 2);
  g_assert_cmpstr (g_ptr_array_index (c->diff_ids, 1), ==, DIG_B);
}

static void
test_config_minimal (void)
{
  static const char *const texts[] = {
    IMAGE_CONFIG (ROOTFS),
    IMAGE_CONFIG (",\"config\":null" ROOTFS),
    IMAGE_CONFIG (",\"config\":{}" ROOTFS),
    IMAGE_CONFIG (",\"config\":{\"Env\":null,\"Cmd\":null,\"Entrypoint\":null,\"Labels\":null,\"Volumes\":null,"
                  "\"User\":null}" ROOTFS),
  };

  for (gsize i = 0; i < G_N_ELEMENTS (texts); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) raw = bytes (texts[i]);
      g_autoptr (ScImageConfig) c = sc_image_config_parse (raw, &error);

      g_assert_no_error (error);
      g_assert_null (c->env);
      g_assert_null (c->cmd);
      g_assert_null (c->user);
      g_assert_cmpuint (g_hash_table_size (c->labels), ==, 0);
    }
}

static void
test_config_bad (void)
{
  static const struct
  {
    const char *text;
    ScError code;
    const char *reason;
  } bad[] = {
    { "[]", SC_ERROR_INVALID, "image config: expected an object" },
    { "{\"os\":\"linux\"" ROOTFS "}", SC_ERROR_INVALID, "image config: architecture" },
    { "{\"architecture\":\"amd64\"" ROOTFS "}", SC_ERROR_INVALID, "image config: os" },
    { "{\"os\":\"\",\"architecture\":\"amd64\"" ROOTFS "}", SC_ERROR_INVALID, "image config: os is empty" },
    { IMAGE_CONFIG (""), SC_ERROR_INVALID, "image config: rootfs" },
    { IMAGE_CONFIG (",\"rootfs\":{\"type\":\"layers\"}"), SC_ERROR_INVALID, "image config: rootfs.diff_ids" },
    { IMAGE_CONFIG (",\"rootfs\":{\"type\":\"x\",\"diff_ids\":[]}"), SC_ERROR_UNSUPPORTED, "rootfs.type: 'x'" },
    { IMAGE_CONFIG (",\"rootfs\":{\"diff_ids\":[\"" DIG_A "\",\"sha256:\"]}"), SC_ERROR_INVALID,
      "image config: rootfs.diff_ids[1]: invalid digest 'sha256:'" },
    { IMAGE_CONFIG (",\"rootfs\":{\"diff_ids\":[1]}"), SC_ERROR_INVALID, "image config: rootfs.diff_ids[0]" },
    { IMAGE_CONFIG (",\"config\":[]" ROOTFS), SC_ERROR_INVALID, "image config: config" },
    { IMAGE_CONFIG (",\"config\":{\"User\":1}" ROOTFS), SC_ERROR_INVALID, "image config: config.User" },
    { IMAGE_CONFIG (",\"config\":{\"Env\":[\"A=1\",\"B\"]}" ROOTFS), SC_ERROR_INVALID,
      "image config: config.Env[1]: expected NAME=VALUE, found 'B'" },
    { IMAGE_CONFIG (",\"config\":{\"Env\":[\"=1\"]}" ROOTFS), SC_ERROR_INVALID, "config.Env[0]" },
    { IMAGE_CONFIG (",\"config\":{\"Labels\":{\"a\":1}}" ROOTFS), SC_ERROR_INVALID, "config.Labels.a" },
    { IMAGE_CONFIG (",\"config\":{\"Volumes\":[\"/a\"]}" ROOTFS), SC_ERROR_INVALID, "config.Volumes" },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (bad); i++)
    {
      g_autoptr (GError) error = NULL;
      g_autoptr (GBytes) raw = bytes (bad[i].text);

      g_assert_null (sc_image_config_parse (raw, &error));
      assert_failed (error, bad[i].code, bad[i].reason);
    }
}

/* What lists read of a manifest is what the parser finds, or nothing. */
static void
test_sum_sizes (void)
{
#define SUM_LAYERS(layers) "{\"schemaVersion\":2,\"config\":" DESCRIPTOR ",\"layers\":[" layers "]}"
#define DESCRIPTOR         "{\"mediaType\":\"x\",\"digest\":\"" DIG_A "\",\"size\":7}"
#define SIZED(size)        "{\"mediaType\":\"x\",\"digest\":\"" DIG_A "\",\"size\":" size "}"
  static const struct
  {
    const char *text;
    guint64 sum; /* 0: left to the parser */
  } cases[] = {
    { SUM_LAYERS (SIZED ("1")), 1 },
    { SUM_LAYERS (SIZED ("1") " ,\n" SIZED ("20 ")), 21 },
    { " { \"layers\" : [ {\"size\":3,\"annotations\":{\"size\":[9,\"}\\\"]\"]}} ] , \"schemaVersion\" : 2 } ", 3 },
    { "{\"schemaVersion\":2,\"x\":{\"layers\":[" SIZED ("5") "]},\"layers\":[" SIZED ("4") "]}", 4 },
    { SUM_LAYERS (""), 0 },
    { SUM_LAYERS (SIZED ("0")), 0 },
    { SUM_LAYERS (SIZED ("-1")), 0 },
    { SUM_LAYERS (SIZED ("1.0")), 0 },
    { SUM_LAYERS (SIZED ("1e3")), 0 },
    { SUM_LAYERS (SIZED ("\"1\"")), 0 },
    { SUM_LAYERS (SIZED ("1,\"size\":2")), 0 },
    { SUM_LAYERS (SIZED ("1,\"s\\u0069ze\":2")), 0 },
    { SUM_LAYERS (SIZED ("1125899906842625")), 0 },
    { SUM_LAYERS ("{\"digest\":\"x\"}"), 0 },
    { SUM_LAYERS ("1"), 0 },
    { SUM_LAYERS (SIZED ("1") ",[]"), 0 },
    { "{\"schemaVersion\":1,\"layers\":[" SIZED ("1") "]}", 0 },
    { "{\"layers\":[" SIZED ("1") "]}", 0 },
    { "{\"schemaVersion\":2,\"layers\":[" SIZED ("1") "],\"layers\":[]}", 0 },
    { "{\"schemaVersion\":2,\"l\\u0061yers\":[],\"layers\":[" SIZED ("1") "]}", 0 },
    { "{\"schemaVersion\":2,\"layers\":[" SIZED ("1") "],\"manifests\":[]}", 0 },
    { "{\"schemaVersion\":2,\"layers\":{}}", 0 },
    { "{\"schemaVersion\":2}", 0 },
    { "{}", 0 },
    { "[]", 0 },
    { "", 0 },
    { "{\"schemaVersion\":2,\"layers\":[" SIZED ("1") "]", 0 },
  };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      guint64 sum = 0;
      gboolean found = sc_manifest_sum_sizes (cases[i].text, &sum);

      g_test_message ("%s", cases[i].text);
      g_assert_cmpint (found, ==, cases[i].sum != 0);
      g_assert_cmpuint (sum, ==, cases[i].sum);
    }
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/model/compression", test_compression);
  g_test_add_func ("/model/platform", test_platform);
  g_test_add_func ("/model/manifest", test_manifest);
  g_test_add_func ("/model/manifest/docker", test_manifest_docker);
  g_test_add_func ("/model/manifest/bad", test_manifest_bad);
  g_test_add_func ("/model/manifest/limits", test_manifest_limits);
  g_test_add_func ("/model/manifest/sum-sizes", test_sum_sizes);
  g_test_add_func ("/model/kind", test_kind);
  g_test_add_func ("/model/index", test_index);
  g_test_add_func ("/model/index/bad", test_index_bad);
  g_test_add_func ("/model/descriptor/copy", test_descriptor_copy);
  g_test_add_func ("/model/config", test_config);
  g_test_add_func ("/model/config/minimal", test_config_minimal);
  g_test_add_func ("/model/config/bad", test_config_bad);
  return g_test_run ();
}
