//! The report in a real browser, at the width of a phone and of a laptop.
//!
//! A page of ours holds the report twice, in frames of both widths. A script that is put into a *copy* of the report
//! measures what only a browser knows and hands it out; the report itself holds no script.

mod chromium;

use std::{fs, path::Path};

use serde_json::Value;

/// What a report must be, as the browser sees it: each a name, and what the script has to answer.
const MUST: [(&str, &str); 8] = [
    ("language", "document.documentElement.lang === 'en'"),
    ("title", "document.title.length > 10"),
    ("one first heading", "document.querySelectorAll('h1').length === 1"),
    (
        "headings in order",
        "[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1]).every((n, i, all) => i === 0 || n <= all[i - 1] + 1)",
    ),
    (
        "a caption for each table",
        "[...document.querySelectorAll('table')].every(t => t.caption && t.caption.textContent.trim())",
    ),
    ("a scope for each head", "[...document.querySelectorAll('th')].every(th => th.scope)"),
    ("nothing fetched", "performance.getEntriesByType('resource').length === 0"),
    ("no sideways scrolling", "document.documentElement.scrollWidth <= window.innerWidth"),
];

const WIDTHS: [u32; 2] = [390, 1360];

/// What does not hold for this page, as `width: name`.
fn faults(html: &str) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let answers: String = MUST.iter().map(|(name, test)| format!("{name:?}: {test},")).collect();
    let script = format!(
        "<script>addEventListener('load', () => parent.postMessage({{width: window.innerWidth, answers: {{{answers}}}}}, '*'))</script>"
    );
    // The report's own policy forbids every script; the copy's allows the one that measures.
    let copy = html.replace("default-src 'none'", "default-src 'none'; script-src 'unsafe-inline'");
    fs::write(folder.path().join("copy.html"), format!("{copy}{script}")).expect("written");
    let frames: String = WIDTHS
        .iter()
        .map(|width| format!("<iframe src=copy.html width={width} height=900 style='border:0'></iframe>"))
        .collect();
    let host = format!(
        "<!doctype html><meta charset=utf-8><body>{frames}<pre id=out></pre><script>\
         const told = []; addEventListener('message', event => {{ told.push(event.data); \
         document.getElementById('out').textContent = 'TOLD' + JSON.stringify(told) + 'END'; }})</script>"
    );
    let page = folder.path().join("host.html");
    fs::write(&page, host).expect("written");

    let dom = chromium::dom(&page);
    let told =
        dom.split_once("\"out\">TOLD").and_then(|(_, rest)| rest.split_once("END")).map(|(told, _)| told.to_owned());
    let told =
        told.unwrap_or_else(|| panic!("the browser told nothing: {}", dom.chars().take(600).collect::<String>()));
    let told: Vec<Value> = serde_json::from_str(&told).expect("it tells JSON");
    assert_eq!(told.len(), WIDTHS.len(), "each width was measured once: {told:?}");
    let mut faults: Vec<String> = told
        .iter()
        .flat_map(|one| {
            MUST.iter()
                .filter(|(name, _)| one["answers"][*name] != true)
                .map(move |(name, _)| format!("{}: {name}", one["width"]))
        })
        .collect();
    faults.sort();
    faults
}

fn sample(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../report-templates/quarterly/samples")
        .join(name)
        .join("report.html");
    fs::read_to_string(path).expect("the sample is there")
}

#[test]
fn reports_are_what_they_must_be_at_both_widths() {
    for name in ["quiet", "busy"] {
        assert_eq!(faults(&sample(name)), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn a_page_with_faults_is_seen_through() {
    let page = "<!doctype html><html><head><title>x</title></head><body><h1>a</h1><h3>b</h3><h1>c</h1>\
                <table><tr><th>d</th></tr></table><img src='http://127.0.0.1:9/x'><div style='width:3000px'>e</div></body></html>";
    let found = faults(page);
    for width in WIDTHS {
        for (name, _) in MUST {
            assert!(found.contains(&format!("{width}: {name}")), "{width}: {name} was not noted: {found:?}");
        }
    }
}

#[test]
fn a_report_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("report.html");
    fs::write(&page, sample("busy")).expect("written");
    let pdf = chromium::pdf(&page, &folder.path().join("report.pdf"));
    assert!(pdf.starts_with(b"%PDF-"), "no PDF");
    let pages = pdf.windows(11).filter(|window| window.starts_with(b"/Type /Page") && window[10..] != *b"s").count();
    assert!(pages >= 5, "{pages} pages");
}
