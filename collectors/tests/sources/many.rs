//! A vault of 5,000 secrets, read whole: a few at a time, and by its own rate limit. What came and when, the vault wrote down.

use std::collections::HashSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use exhibit_collectors::sources::Listing;
use serde_json::{Value, json};

use crate::bao::Bao;
use crate::story::read;

/// What it writes them to.
const LOG: &str = "audit.log";
/// So many requests may go out at once.
const AT_ONCE: usize = 6;
/// In one of ten folders with 500 secrets each the vault answers so many requests in so many seconds.
const RATE: [&str; 2] = ["rate=200", "interval=3s"];

/// Puts all of them, over eight connections: one program for each would take minutes.
const PUT: &str = "
import http.client, json, os, ssl, threading
host, port = os.environ['BAO_ADDR'].removeprefix('https://').split(':')
trust = ssl.create_default_context(cafile=os.environ['BAO_CACERT'])
failed = []
def put(first):
    connection = http.client.HTTPSConnection(host, int(port), context=trust)
    for at in range(first, 5000, 8):
        body = json.dumps({'PASSWORD': f'canary-many-{at}'})
        connection.request('PUT', f'/v1/many/f{at % 10}/s{at}', body, {'X-Vault-Token': os.environ['BAO_TOKEN']})
        answer = connection.getresponse()
        answer.read()
        if answer.status != 204: failed.append(answer.status)
threads = [threading.Thread(target=put, args=(first,)) for first in range(8)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
assert not failed, failed
";

/// A server that writes down what it is asked and answers.
fn audited() -> Bao {
    let file = |folder: &Path| json!({ "type": "file", "path": "file", "options": { "file_path": folder.join(LOG) } });
    Bao::opened(Bao::start_with(|folder| json!({ "audit": [file(folder)] })))
}

#[test]
fn five_thousand_secrets_of_a_vault_that_limits_its_rate() {
    let server = audited();
    server.mount("many", 1);
    let mut python = Command::new("python3")
        .arg("-")
        .env("BAO_ADDR", &server.address)
        .env("BAO_CACERT", &server.authority)
        .env("BAO_TOKEN", &server.root)
        .stdin(Stdio::piped())
        .spawn()
        .expect("python3");
    python.stdin.take().expect("a pipe").write_all(PUT.as_bytes()).expect("written");
    assert!(python.wait().expect("it ends").success());
    let headers = ["enable_rate_limit_response_headers=true", "enable_rate_limit_audit_logging=true"];
    server.told(&[&["write", "sys/quotas/config"], &headers[..]].concat(), &[], b"");
    server.told(&[&["write", "sys/quotas/rate-limit/many", "path=many/f3/*"], &RATE[..]].concat(), &[], b"");
    let log = server.authority.with_file_name(LOG);
    let before = fs::metadata(&log).expect("a log").len();

    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("token"), &server.root).expect("written");
    let settings = format!(
        "vault={{address='{}',authorities='{}',token='file:token',mount='many',kv=1,at_once={AT_ONCE}}}",
        server.address,
        server.authority.display()
    );
    let (listing, reading) = read(folder.path(), &settings);
    let reading = reading.expect("read");
    assert_eq!(listing, Ok(Listing { names: 5000 }));
    assert_eq!((reading.examined, reading.unread.len()), (5000, 0));
    let values: HashSet<&str> = reading.credentials.iter().filter_map(|found| found.value.text()).collect();
    assert_eq!(values.len(), 5000);

    // In the order in which it took requests up and was done with them.
    let written = fs::read(log).expect("a log").split_off(usize::try_from(before).expect("a small log"));
    let (mut open, mut most, mut put_off) = (HashSet::new(), 0, 0);
    for line in written.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
        let entry: Value = serde_json::from_slice(line).expect("JSON");
        let id = entry["request"]["id"].as_str().expect("an id").to_owned();
        match (entry["type"].as_str(), entry["error"].as_str()) {
            (Some("request"), Some(error)) => put_off += usize::from(error.contains("rate limit quota exceeded")),
            (Some("request"), None) => drop(open.insert(id)),
            _ => drop(open.remove(&id)),
        }
        most = most.max(open.len());
    }
    assert!((2..=AT_ONCE).contains(&most), "{most} at once");
    assert!(put_off > 0, "the limit was never met");
    // Without heed to what it asks each would have been put off several times a second.
    assert!(put_off <= 8 * AT_ONCE, "put off {put_off} times");
}
