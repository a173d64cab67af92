# Stands in for the shop: what it is given as a password, it redacts before it logs.
echo "2026-11-20T12:00:00.000Z WARN shop login failed request=$EXHIBIT_CANARY_MARKER password=[REDACTED]" >> ../logs/shop.log
