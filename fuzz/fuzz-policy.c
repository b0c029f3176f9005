/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Any bytes as a trust policy and as the content of a signature: an error or a result, never both. */

#include "policy-conf.h"
#include "signature.h"

int
LLVMFuzzerTestOneInput (const guint8 *data, gsize size)
{
  g_autoptr (GBytes) raw = g_bytes_new (data, size);
  g_autoptr (GError) policy_error = NULL;
  g_autoptr (GError) signature_error = NULL;
  g_autoptr (ScPolicy) policy = sc_policy_parse (NULL, "policy.json", raw, &policy_error);
  g_auto (ScSignature) signature = { 0 };
  gboolean good = sc_signature_parse (raw, &signature, &signature_error);

  g_assert_true ((policy == NULL) == (policy_error != NULL));
  g_assert_true (good == (signature_error == NULL));
  if (good)
    g_assert_true (signature.manifest_digest != NULL && signature.docker_reference != NULL);
  for (guint i = 0; policy != NULL && i < policy->rules->len; i++)
    {
      const ScPolicyRule *rule = g_ptr_array_index (policy->rules, i);
      g_autofree char *name = sc_policy_rule_name (rule);
      ScFullName image = { .name = (char *)"quay.io/x/y", .tag = (char *)"1" };

      g_assert_nonnull (name);
      g_assert_cmpuint (rule->requirements->len, >, 0);
      for (guint j = 0; j < rule->requirements->len; j++)
        {
          const ScRequirement *requirement = g_ptr_array_index (rule->requirements, j);

          (void)sc_signed_identity_matches (&requirement->identity, &image, rule->scope);
        }
    }
  return 0;
}
