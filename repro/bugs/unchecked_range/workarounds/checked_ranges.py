from typing import Any


def checked_ranges() -> None:
    """Make HfFileSystem take an answer to a ranged request only if it is what was asked; ask up to five times."""
    import time

    from huggingface_hub import constants
    from huggingface_hub.hf_file_system import HfFileSystemFile
    from huggingface_hub.utils import hf_raise_for_status, http_backoff

    def fetch(self: Any, start: int, end: int) -> bytes:
        end = min(end, self.size)
        if start >= end:
            return b""
        headers = {**self.fs._api._build_hf_headers(), "range": f"bytes={start}-{end - 1}"}
        headers["accept-encoding"] = "identity"
        wanted, seen = f"bytes {start}-{end - 1}/{self.size}", []
        for number in range(5):
            time.sleep(number)
            answer = http_backoff("GET", self.url(), headers=headers, timeout=constants.HF_HUB_DOWNLOAD_TIMEOUT)
            hf_raise_for_status(answer)
            said = answer.headers.get("content-range", "no range")
            if (answer.status_code, said, len(answer.content)) == (206, wanted, end - start):
                return bytes(answer.content)
            seen.append(f"status {answer.status_code}, {said}, {len(answer.content)} bytes")
        raise OSError(f"asked for {wanted} of {self.path}; got {'; '.join(seen)}")

    HfFileSystemFile._fetch_range = fetch
