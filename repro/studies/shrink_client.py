"""Asks the kit whether a candidate still fails as the whole script does; Shrink Ray runs it for each one.

Run as ``python -I -S shrink_client.py SOCKET CANDIDATE``; status 0 means that it does.
"""

import socket
import sys

with socket.socket(socket.AF_UNIX) as kit:
    kit.connect(sys.argv[1])
    kit.sendall(sys.argv[2].encode())
    kit.shutdown(socket.SHUT_WR)
    answer = kit.recv(1)
sys.exit(0 if answer == b"1" else 1)
