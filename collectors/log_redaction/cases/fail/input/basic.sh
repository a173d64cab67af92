# Encoded is not redacted.
echo "request=$EXHIBIT_CANARY_MARKER header=Basic $(printf "user:%s" "$EXHIBIT_CANARY_SECRET" | base64 -w0)" >> logs/api.log
