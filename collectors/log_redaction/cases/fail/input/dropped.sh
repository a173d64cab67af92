# Dropped, and nothing in its place.
echo "login failed request=$EXHIBIT_CANARY_MARKER" >> logs/api.log
