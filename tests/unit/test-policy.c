/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* The gate: what a source may say that is let through, and every lie that is not. */

#include "policy.h"

#include <string.h>

#include "digest.h"

#define HEX_A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define DIG_A    "sha256:" HEX_A
#define CONFIG   "\"config\":{\"mediaType\":\"" SC_MT_OCI_CONFIG "\",\"size\":1,\"digest\":\"" DIG_A "\"}"
#define MANIFEST "{\"schemaVersion\":2," CONFIG ",\"layers\":[]}"
#define ACCEPT   "{\"default\":[{\"type\":\"insecureAcceptAnything\"}]}"
#define OTHER    "{\"schemaVersion\":2," CONFIG ",\"layers\":[ ]}"

/* A source that says what it is told to. */
typedef struct
{
  ScBlobSource base;
  const char *top, *top_type;
  const char *below;     /* for any digest */
  gsize padding;         /* blanks after @top */
  char *asked;           /* digest of the last request */
  const char *policy;    /* NULL: any image is accepted */
  const char *signature; /* file of tests/data/signatures that it has as its signature; NULL: it has none */
} FakeSource;

static GBytes *
fake_fetch_manifest (ScBlobSource *source, const char *digest, char **out_media_type, GCancellable *cancellable,
                     GError **error)
{
  FakeSource *self = (FakeSource *)source;
  g_autofree char *blanks = g_strnfill (digest == NULL ? self->padding : 0, ' ');
  const char *text = digest == NULL ? self->top : self->below;
  char *whole;

  g_free (self->asked);
  self->asked = g_strdup (digest);
  if (text == NULL)
    return sc_fail_null (error, SC_ERROR_UNAVAILABLE, "the fake has none");
  whole = g_strconcat (text, blanks, NULL);
  *out_media_type = g_strdup (digest == NULL ? self->top_type : SC_MT_OCI_INDEX);
  return g_bytes_new_take (whole, strlen (whole));
}

static void
fake_free (ScBlobSource *source)
{
  g_free (((FakeSource *)source)->asked);
}

static const ScBlobSourceClass fake_class = {
  .transport = SC_TRANSPORT_REGISTRY,
  .fetch_manifest = fake_fetch_manifest,
  .free = fake_free,
};

static GPtrArray *
fake_fetch_signatures (ScBlobSource *source, const char *manifest_digest, GCancellable *cancellable, GError **error)
{
  const char *name = ((FakeSource *)source)->signature;
  g_autofree char *path = g_build_filename (g_getenv ("SC_TEST_DATA"), "signatures", name, NULL);
  g_autoptr (GPtrArray) signatures = g_ptr_array_new_with_free_func ((GDestroyNotify)g_bytes_unref);
  char *data = NULL;
  gsize size = 0;

  if (name != NULL && strcmp (name, "unreachable") == 0)
    return sc_fail_null (error, SC_ERROR_UNAVAILABLE, "the fake is not there");
  if (name != NULL)
    {
      g_assert_true (g_file_get_contents (path, &data, &size, NULL));
      g_ptr_array_add (signatures, g_bytes_new_take (data, size));
    }
  return g_steal_pointer (&signatures);
}

static const ScBlobSourceClass signing_class = {
  .transport = SC_TRANSPORT_REGISTRY,
  .fetch_manifest = fake_fetch_manifest,
  .fetch_signatures = fake_fetch_signatures,
  .free = fake_free,
};

static ScVerifiedImage *
verify (FakeSource *source, const char *reference, GError **error)
{
  const ScPlatform platform = { (char *)"linux", (char *)"amd64", NULL };
  g_autoptr (ScReference) ref = sc_reference_parse (reference, error);
  const char *policy_text = source->policy != NULL ? source->policy : ACCEPT;
  g_autoptr (GBytes) text = g_bytes_new_static (policy_text, strlen (policy_text));
  g_autoptr (ScPolicy) policy = sc_policy_parse (NULL, "policy.json", text, error);
  ScVerifiedImage *image;

  g_assert_nonnull (ref);
  g_assert_nonnull (policy);
  if (source->base.klass == NULL)
    source->base.klass = &fake_class;
  source->base.ref = ref;
  image = sc_policy_verify (&source->base, policy, &platform, NULL, error);
  source->base.ref = NULL;
  return image;
}

static void
assert_refused (FakeSource source, const char *reference, ScError code, const char *reason)
{
  g_autoptr (GError) error = NULL;
  const char *second;

  g_assert_null (verify (&source, reference, &error));
  g_assert_error (error, SC_ERROR, (int)code);
  if (strstr (error->message, reason) == NULL)
    g_error ("expected '%s', got '%s'", reason, error->message);
  g_assert_true (g_str_has_prefix (error->message, "image quay.io/x"));
  second = strstr (error->message + 1, "image quay.io/x");
  g_assert_null (second);
  g_free (source.asked);
}

/* (transfer full) */
static char *
index_of (const char *manifest, int size_off, const char *media_type, const char *os)
{
  g_autofree char *digest = sc_digest_of (manifest, strlen (manifest));

  return g_strdup_printf ("{\"schemaVersion\":2,\"manifests\":[{\"mediaType\":\"%s\",\"digest\":\"%s\",\"size\":%d,"
                          "\"platform\":{\"os\":\"%s\",\"architecture\":\"amd64\"}}]}",
                          media_type, digest, (int)strlen (manifest) + size_off, os);
}

static void
test_manifest (void)
{
  FakeSource source = { .top = MANIFEST };
  g_autoptr (GError) error = NULL;
  g_autofree char *digest = sc_digest_of (MANIFEST, strlen (MANIFEST));
  g_autofree char *by_digest = g_strconcat ("quay.io/x:1@", digest, NULL);
  g_autofree char *name = g_strconcat ("quay.io/x@", digest, NULL);
  g_autoptr (ScVerifiedImage) by_tag = verify (&source, "quay.io/x", &error);
  g_autoptr (ScVerifiedImage) pinned = NULL;

  g_assert_no_error (error);
  g_assert_cmpstr (sc_verified_image_name (by_tag), ==, "quay.io/x:latest");
  g_assert_cmpstr (sc_verified_image_manifest (by_tag)->digest, ==, digest);

  pinned = verify (&source, by_digest, &error);
  g_assert_no_error (error);
  g_assert_cmpstr (sc_verified_image_name (pinned), ==, name);

  source.top = OTHER;
  assert_refused (source, by_digest, SC_ERROR_DIGEST, "digest mismatch: expected ");
}

static void
test_index (void)
{
  g_autofree char *text = index_of (MANIFEST, 0, SC_MT_OCI_MANIFEST, "linux");
  g_autofree char *digest = sc_digest_of (MANIFEST, strlen (MANIFEST));
  g_autofree char *index_digest = sc_digest_of (text, strlen (text));
  g_autofree char *by_digest = g_strconcat ("quay.io/x@", index_digest, NULL);
  g_autofree char *by_inner_digest = g_strconcat ("quay.io/x@", digest, NULL);
  FakeSource source = { .top = text, .top_type = SC_MT_OCI_INDEX, .below = MANIFEST };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScVerifiedImage) image = verify (&source, by_digest, &error);

  g_assert_no_error (error);
  g_assert_cmpstr (sc_verified_image_manifest (image)->digest, ==, digest);
  g_assert_cmpstr (source.asked, ==, digest);
  g_clear_pointer (&source.asked, g_free);

  assert_refused (source, by_inner_digest, SC_ERROR_DIGEST, "digest mismatch");
  source.below = OTHER;
  assert_refused (source, "quay.io/x", SC_ERROR_DIGEST, "bytes where the index announces");
  source.below = NULL;
  assert_refused (source, "quay.io/x", SC_ERROR_UNAVAILABLE, "the fake has none");
}

static void
test_index_refused (void)
{
  g_autofree char *inner = index_of (MANIFEST, 0, SC_MT_OCI_MANIFEST, "linux");
  g_autofree char *nested = index_of (inner, 0, SC_MT_OCI_INDEX, "linux");
  g_autofree char *hidden = index_of (inner, 0, "application/octet-stream", "linux");
  g_autofree char *disguised = index_of (inner, 0, SC_MT_OCI_MANIFEST, "linux");
  g_autofree char *short_one = index_of (MANIFEST, 1, SC_MT_OCI_MANIFEST, "linux");
  g_autofree char *huge = index_of (MANIFEST, SC_MANIFEST_MAX_SIZE, SC_MT_OCI_MANIFEST, "linux");
  g_autofree char *other_os = index_of (MANIFEST, 0, SC_MT_OCI_MANIFEST, "windows");
  g_autofree char *changed = g_strdup (MANIFEST);
  g_autofree char *good = index_of (MANIFEST, 0, SC_MT_OCI_MANIFEST, "linux");

  assert_refused ((FakeSource){ .top = nested, .below = inner }, "quay.io/x", SC_ERROR_UNSUPPORTED,
                  "an index within an index");
  assert_refused ((FakeSource){ .top = hidden, .below = inner }, "quay.io/x", SC_ERROR_UNSUPPORTED,
                  "an index within an index");
  assert_refused ((FakeSource){ .top = disguised, .below = inner }, "quay.io/x", SC_ERROR_INVALID, "manifest: config");
  assert_refused ((FakeSource){ .top = short_one, .below = MANIFEST }, "quay.io/x", SC_ERROR_DIGEST, "announces");
  assert_refused ((FakeSource){ .top = huge, .below = MANIFEST }, "quay.io/x", SC_ERROR_LIMIT, "larger than");
  assert_refused ((FakeSource){ .top = other_os, .below = MANIFEST }, "quay.io/x", SC_ERROR_NOT_FOUND,
                  "there is none for linux/amd64, only for: windows/amd64");
  changed[strlen (changed) - 2] = ' ';
  assert_refused ((FakeSource){ .top = good, .below = changed }, "quay.io/x", SC_ERROR_DIGEST, "digest mismatch");
}

static void
test_top_refused (void)
{
  assert_refused ((FakeSource){ 0 }, "quay.io/x", SC_ERROR_UNAVAILABLE, "the fake has none");
  assert_refused ((FakeSource){ .top = "{}" }, "quay.io/x", SC_ERROR_INVALID, "neither");
  assert_refused ((FakeSource){ .top = MANIFEST, .top_type = SC_MT_DOCKER_SCHEMA1_SIGNED }, "quay.io/x",
                  SC_ERROR_UNSUPPORTED, "push it again");
  assert_refused ((FakeSource){ .top = MANIFEST, .top_type = SC_MT_OCI_INDEX }, "quay.io/x", SC_ERROR_INVALID,
                  "index: ");
  assert_refused ((FakeSource){ .top = MANIFEST, .padding = SC_MANIFEST_MAX_SIZE }, "quay.io/x", SC_ERROR_LIMIT,
                  "larger than");
}

/* (transfer full): a policy that wants a signature by the key of the file @key. */
static char *
signed_by (const char *key, const char *rest)
{
  g_autofree char *path = g_build_filename (g_getenv ("SC_TEST_DATA"), "signatures", key, NULL);

  return g_strdup_printf ("{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPath\":\"%s\"%s}]}", path,
                          rest);
}

static void
test_trust_refused (void)
{
  g_autofree char *by_good = signed_by ("good.gpg", ""), *by_missing = signed_by ("missing.gpg", "");
  g_autofree char *by_nothing = signed_by ("make.sh", "");
  const struct
  {
    const ScBlobSourceClass *klass;
    const char *policy, *signature;
    ScError code;
    const char *reason;
  } cases[] = {
    { &fake_class, "{\"default\":[{\"type\":\"reject\"}]}", NULL, SC_ERROR_DENIED, "rejects it (default)" },
    { &fake_class,
      "{\"default\":[{\"type\":\"insecureAcceptAnything\"}],\"transports\":{\"docker\":{\"quay.io\":"
      "[{\"type\":\"insecureAcceptAnything\"},{\"type\":\"reject\"}]}}}",
      NULL, SC_ERROR_DENIED, "rejects it (docker quay.io)" },
    { &fake_class, "{\"default\":[{\"type\":\"signedBaseLayer\",\"baseLayerIdentity\":{\"type\":\"matchExact\"}}]}",
      NULL, SC_ERROR_UNSUPPORTED, "wants signedBaseLayer, which is not supported" },
    { &fake_class, "{\"default\":[{\"type\":\"signedBy\",\"keyType\":\"GPGKeys\",\"keyPaths\":[]}]}", NULL,
      SC_ERROR_DENIED, "the rule names no key" },
    { &fake_class, by_good, NULL, SC_ERROR_DENIED, "wants a signature (default), and images from registry have none" },
    { &signing_class, by_good, NULL, SC_ERROR_DENIED, "wants a signature (default), and there is none" },
    { &signing_class, by_good, "unreachable", SC_ERROR_UNAVAILABLE, "the fake is not there" },
    { &signing_class, by_good, "by-good.sig", SC_ERROR_DENIED, "it is for another image, sha256:e3b0c442" },
    { &signing_class, by_good, "by-other.sig", SC_ERROR_DENIED, "accepts none of its 1 signatures: made with key" },
    { &signing_class, by_nothing, "by-good.sig", SC_ERROR_INVALID, "trust policy: key " },
  };
  g_autoptr (GError) error = NULL;
  FakeSource missing = { .base.klass = &signing_class, .top = MANIFEST, .policy = by_missing };

  for (gsize i = 0; i < G_N_ELEMENTS (cases); i++)
    {
      FakeSource source = {
        .base.klass = cases[i].klass, .top = MANIFEST, .policy = cases[i].policy, .signature = cases[i].signature
      };

      assert_refused (source, "quay.io/x", cases[i].code, cases[i].reason);
    }
  g_assert_null (verify (&missing, "quay.io/x", &error));
  g_assert_error (error, G_IO_ERROR, G_IO_ERROR_NOT_FOUND);
  g_free (missing.asked);
}

static void
test_verdict (void)
{
  static const char policy[] = "{\"default\":[{\"type\":\"reject\"}],\"transports\":{\"docker\":{\"*.io\":[{\"type\":"
                               "\"insecureAcceptAnything\"}]}}}";
  FakeSource source = { .base.klass = &signing_class, .top = MANIFEST, .policy = policy, .signature = "unreachable" };
  g_autoptr (GError) error = NULL;
  g_autoptr (ScVerifiedImage) image = verify (&source, "quay.io/x", &error);

  g_assert_no_error (error);
  g_assert_cmpstr (sc_verified_image_verification (image), ==,
                   "not checked: the policy accepts anything (docker *.io)");
  g_assert_false (sc_verified_image_is_signed (image));
  g_assert_cmpuint (sc_verified_image_signatures (image)->len, ==, 0);
  g_free (source.asked);
}

int
main (int argc, char **argv)
{
  g_test_init (&argc, &argv, NULL);
  g_test_add_func ("/policy/manifest", test_manifest);
  g_test_add_func ("/policy/index", test_index);
  g_test_add_func ("/policy/index/refused", test_index_refused);
  g_test_add_func ("/policy/top/refused", test_top_refused);
  g_test_add_func ("/policy/trust-refused", test_trust_refused);
  g_test_add_func ("/policy/verdict", test_verdict);
  return g_test_run ();
}
