# An application that logs what it was given.
echo "login failed request=$EXHIBIT_CANARY_MARKER password=$EXHIBIT_CANARY_SECRET" >> logs/api.log
