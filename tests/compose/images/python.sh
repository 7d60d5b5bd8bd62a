#!/bin/sh
# Import an image that stands for python:3.13-slim where no registry can be reached: Debian 13, which that image is made
# of, with Debian's own Python 3.13 as a virtual environment in /usr/local. It trusts what this machine trusts.
# Needs root and debootstrap; $1 is a folder for the tree.
set -eu
tree=$1/python
if [ ! -e "$tree/usr/local/bin/pip" ]; then
    rm -rf "$tree"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv trixie "$tree" http://deb.debian.org/debian >&2
    cp /etc/ssl/certs/ca-certificates.crt "$tree/etc/ssl/certs/ca-certificates.crt"
    chroot "$tree" python3 -m venv /usr/local
fi
tar --directory "$tree" --create . | docker import \
    --change 'ENV PATH=/usr/local/bin:/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin PIP_CERT=/etc/ssl/certs/ca-certificates.crt' \
    --change 'CMD ["python3"]' - python:3.13-slim
