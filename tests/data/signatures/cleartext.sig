-----BEGIN PGP SIGNED MESSAGE-----
Hash: SHA256

{"critical": {"type": "atomic container signature", "image": {"docker-manifest-digest": "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}, "identity": {"docker-reference": "quay.io/x/y:1"}}, "optional": {"creator": "test", "timestamp": 1577836800}}
-----BEGIN PGP SIGNATURE-----

iIcEARYIAC8WIQRzr9yMQWjFrlkTt6pY3w0d9J9PZAUCXgvhABEcZ29vZEBleGFt
cGxlLmNvbQAKCRBY3w0d9J9PZHJsAQDEd37l0k7HYZ96ZQhkwmI6b7dj0F6DQOU8
maNWAidYXAEAiy2Y2I/FqO25y3TJ0tZxdzafqn0JtLmVwAcM4qOkQAs=
=0gj7
-----END PGP SIGNATURE-----
