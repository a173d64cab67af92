//! Route × role × scope: what is answered.

use super::rights::{Line, line};

/// The table. A report's bundle is a part of the report: it holds what was recorded until its freeze, also what belongs
/// to the next quarter already.
#[rustfmt::skip]
pub(super) const TABLE: &[Line] = &[
    line("/healthz", "GET /healthz", "aofui", ["204"; 4]),
    line("/readyz", "GET /readyz", "aofui", ["204"; 4]),
    line("/api/v1/access-log", "GET /api/v1/access-log?route=/healthz", "aofu", ["200"; 4]),
    line("/api/v1/collectors", "GET /api/v1/collectors", "aofu", ["200"; 4]),
    line("/api/v1/collectors/{id}", "GET /api/v1/collectors/ci_secrets", "aofu", ["200"; 4]),
    line("/api/v1/controls", "GET /api/v1/controls?period=2026-Q3", "aofu",
        ["200 ci-q3 credentials-q3", "200 ci-q3", "200 ci-q3 credentials-q3", "200 ci-q3"]),
    line("/api/v1/controls", "GET /api/v1/controls?period=2026-Q4", "aofu",
        ["200 ci-q4 credentials-q4", "200 ci-q4", "404", "200 ci-q4"]),
    line("/api/v1/evidence", "GET /api/v1/evidence", "aofu",
        ["200 ci-q3 ci-q4 credentials-q3 credentials-q4", "200 ci-q3 ci-q4", "200 ci-q3 credentials-q3", "200 ci-q3 ci-q4"]),
    line("/api/v1/ledger/checkpoint", "GET /api/v1/ledger/checkpoint", "aofu", ["200"; 4]),
    line("/api/v1/ledger/proof/consistency", "GET /api/v1/ledger/proof/consistency?from=1", "aofu", ["200"; 4]),
    line("/api/v1/ledger/proof/inclusion", "GET /api/v1/ledger/proof/inclusion?seq=1", "aofu", ["200"; 4]),
    line("/api/v1/ledger/tile/{*tile}", "GET /api/v1/ledger/tile/0/000.p/1", "aofu", ["200"; 4]),
    line("/api/v1/ledger/tile/{*tile}", "GET /api/v1/ledger/tile/entries/000.p/16", "aofu",
        ["200 ci-q3 credentials-q3", "403", "403", "403"]),
    line("/api/v1/openapi.json", "GET /api/v1/openapi.json", "aofu", ["200"; 4]),
    line("/api/v1/periods", "GET /api/v1/periods", "aofu", ["200"; 4]),
    line("/api/v1/receipts", "GET /api/v1/receipts", "aofu", ["200 report", "200", "200 report", "200"]),
    line("/api/v1/reports", "GET /api/v1/reports", "aofu", ["200 report", "200", "200 report", "200"]),
    line("/api/v1/reports/{id}", "GET /api/v1/reports/{report}", "aofu", ["200 report", "404", "200 report", "404"]),
    line("/api/v1/reports/{id}", "GET /api/v1/reports/{report}.html", "aofu",
        ["200 ci-q3 credentials-q3", "404", "200 ci-q3 credentials-q3", "404"]),
    line("/api/v1/reports/{id}", "GET /api/v1/reports/{report}.json", "aofu",
        ["200 ci-q3 credentials-q3", "404", "200 ci-q3 credentials-q3", "404"]),
    line("/api/v1/reports/{id}", "GET /api/v1/reports/{report}.md", "aofu",
        ["200 ci-q3 credentials-q3", "404", "200 ci-q3 credentials-q3", "404"]),
    line("/api/v1/reports/{id}/bundle", "GET /api/v1/reports/{report}/bundle", "aofu",
        ["200 ci-q3 ci-q4 credentials-q3 credentials-q4 report", "404",
         "200 ci-q3 ci-q4 credentials-q3 credentials-q4 report", "404"]),
    line("/api/v1/runs", "POST /api/v1/runs {\"job\":\"ci\"}", "ao", ["202"; 4]),
    line("/api/v1/runs", "POST /api/v1/runs {\"job\":\"credentials\"}", "ao", ["202", "404", "202", "404"]),
    line("/api/v1/runs/requests/{id}", "GET /api/v1/runs/requests/{request}", "ao",
        ["200 request", "404", "404", "404"]),
];
