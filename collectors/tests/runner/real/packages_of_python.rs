//! pip-audit, against a service of ours and against none.

use exhibit_collectors::scanners::{Database, LooksAt, Said};

use super::{Place, fenced, json, settings};
use crate::scanners::{REQUIREMENTS, http, osv};

#[test]
fn pip_audit_asks_the_service_that_it_is_told() {
    let place = Place::new(&[("requirements.txt", REQUIREMENTS), ("good.txt", "left-out==1.0\n")]);
    let settings = settings(&place, "pip-audit", &[("osv_url", &osv::serve())]);
    let mut done = place.scan(&settings, LooksAt::File, "requirements.txt").expect("it scans");
    assert_eq!((done.said, &done.facts.database, fenced(&done)), (Said::Findings, &Database::Service, true));
    assert_eq!(done.facts.version.as_deref(), Some("2.10.1"));
    let result = json(&mut done);
    let dependencies = result["dependencies"].as_array().expect("a list");
    assert_eq!((dependencies.len(), &dependencies[0]["vulns"][0]["id"]), (2, &serde_json::json!("PYSEC-2019-217")));
    assert_eq!(place.scan(&settings, LooksAt::File, "good.txt").expect("it scans").said, Said::Clean);
}

#[test]
fn when_the_service_does_not_answer_nothing_is_told_as_clean() {
    let place = Place::new(&[("requirements.txt", REQUIREMENTS)]);
    let settings = settings(&place, "pip-audit", &[("osv_url", &(http::nobody() + "/v1/query"))]);
    let error = place.scan(&settings, LooksAt::File, "requirements.txt").expect_err("no service");
    assert_eq!(error.code(), "scanner-no-result", "{error}");
    assert!(error.to_string().contains("Connection refused"), "{error}");
}
