# Stands in for an application that redacts what it logs.
echo "2026-11-20T12:00:00.000Z WARN api login failed request=$EXHIBIT_CANARY_MARKER password=[REDACTED]" >> logs/api.log
