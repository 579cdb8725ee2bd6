#!/bin/sh
# s3.sh serves a folder by S3's protocol. A folder in it is a bucket.
set -eu
ROOT_ACCESS_KEY_ID=mediaferry
ROOT_SECRET_ACCESS_KEY=$(cat /run/secrets/s3_secret)
export ROOT_ACCESS_KEY_ID ROOT_SECRET_ACCESS_KEY
mkdir -p /var/tmp/s3/mediaferry
exec versitygw --port :7070 --region us-east-1 --health /health --quiet posix /var/tmp/s3
