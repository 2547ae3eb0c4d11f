"""A Hub on 127.0.0.1 that the real clients talk to, with faults on request and a record of what it saw."""

CLIENT_ENVIRONMENT = {
    "HF_HUB_OFFLINE": "0",
    "HF_HUB_DISABLE_XET": "1",  # Xet is a protocol of its own, which this Hub does not speak
    "HF_UPDATE_DOWNLOAD_COUNTS": "0",  # which datasets sends elsewhere, whatever HF_ENDPOINT says
    "HF_TOKEN": "hf_loopback",  # any token will do; without one a client may only read, as at the real Hub
}
"""What a client needs beside ``HF_ENDPOINT``."""
