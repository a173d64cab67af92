//! The report in a real browser, at the width of a phone and of a laptop.
//!
//! A page of ours holds the report twice, in frames of both widths. A script that is put into a *copy* of the report
//! measures what only a browser knows and hands it out; the report itself holds no script.

mod axe;
mod chromium;

use std::{fs, path::Path};

use chromium::Scheme;
use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::Api;

use serde_json::Value;

use crate::api::{pages, pieces};

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

/// What does not hold for this page, as `width: name`; of what the accessibility checker found, its rule is the name.
fn faults(html: &str, scheme: Scheme) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let answers: String = MUST.iter().map(|(name, test)| format!("{name:?}: {test},")).collect();
    let script = format!(
        "<script>{axe}</script><script>addEventListener('load', async () => {{ \
         const answers = {{{answers}}}; \
         const dark = matchMedia('(prefers-color-scheme: dark)').matches; \
         const found = await axe.run(document, {{resultTypes: ['violations'], iframes: false}}); \
         const axes = found.violations.map(v => 'axe ' + v.id + ' at ' + v.nodes.slice(0, 3).map(n => n.target).join(', ')); \
         parent.postMessage({{width: window.innerWidth, answers, dark, axes, passed: found.passes.length}}, '*') }})</script>",
        axe = axe::script(),
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

    let dom = chromium::dom(&page, scheme);
    let told =
        dom.split_once("\"out\">TOLD").and_then(|(_, rest)| rest.split_once("END")).map(|(told, _)| told.to_owned());
    let told =
        told.unwrap_or_else(|| panic!("the browser told nothing: {}", dom.chars().take(600).collect::<String>()));
    let told: Vec<Value> = serde_json::from_str(&told).expect("it tells JSON");
    assert_eq!(told.len(), WIDTHS.len(), "each width was measured once: {told:?}");
    let mut faults = Vec::new();
    for one in &told {
        assert_eq!(one["dark"], scheme == Scheme::Dark, "the reader's preference reached the page");
        assert!(one["passed"].as_u64() > Some(5), "the accessibility checker looked at the page: {one}");
        let names = MUST.iter().filter(|(name, _)| one["answers"][*name] != true).map(|(name, _)| *name);
        let axes = one["axes"].as_array().expect("a list").iter().filter_map(Value::as_str);
        faults.extend(names.chain(axes).map(|name| format!("{}: {name}", one["width"])));
    }
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
fn reports_are_what_they_must_be_at_both_widths_by_day_and_by_night() {
    for name in ["quiet", "busy"] {
        for scheme in [Scheme::Light, Scheme::Dark] {
            assert_eq!(faults(&sample(name), scheme), Vec::<String>::new(), "{name}, {scheme:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_are_what_they_must_be_at_both_widths_by_day_and_by_night() {
    let story = pages::story().await;
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = pages::sign_in(&api, &token).await;
    let finding = pages::link(&pages::text(&pages::open(&api, "/findings", &cookie).await), "/findings/");
    let piece =
        pages::link(&pages::text(&pages::open(&api, "/evidence?collector=ci_secrets", &cookie).await), "/evidence/");
    let paths = pages::PAGES.into_iter().chain([finding.as_str(), &piece]).map(|path| (path, cookie.as_str()));
    let paths: Vec<_> = paths.chain([("/sign-in", ""), ("/findings/none", cookie.as_str())]).collect();
    look_at(&api, &paths).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pieces_that_are_held_and_attested_are_what_they_must_be() {
    let story = pieces::story().await;
    let api = Api::new(&story.world);
    let (_, token) = api.token(&story.world, "ada", Role::Officer, TokenScope::default()).await;
    let cookie = pages::sign_in(&api, &token).await;
    let paths = [
        format!("/evidence/{}", story.scanned),
        format!("/evidence/{}", story.custody),
        "/collectors/key_custody".to_owned(),
    ];
    look_at(&api, &paths.each_ref().map(|path| (path.as_str(), cookie.as_str()))).await;
}

/// Each page with its cookie, at both widths, by day and by night.
async fn look_at(api: &Api, paths: &[(&str, &str)]) {
    let style = pages::text(&api.ask("GET", "/style.css", &[], "").await);
    for (path, cookie) in paths {
        let page = pages::text(&pages::open(api, path, cookie).await);
        // A file has no server behind it: the style stands in the page itself.
        let link = "<link rel=\"stylesheet\" href=\"/style.css\">";
        assert!(page.contains(link), "{path}: {page}");
        let page = page.replace(link, &format!("<style>{style}</style>"));
        for scheme in [Scheme::Light, Scheme::Dark] {
            assert_eq!(faults(&page, scheme), Vec::<String>::new(), "{path}, {scheme:?}");
        }
    }
}

#[test]
fn a_page_with_faults_is_seen_through() {
    let page = "<!doctype html><html><head><title>x</title></head><body><h1>a</h1><h3>b</h3><h1>c</h1>\
                <table><tr><th>d</th></tr></table><img src='http://127.0.0.1:9/x'><div style='width:3000px'>e</div>\
                <p style='color:#ddd;background:#fff'>pale</p></body></html>";
    let found = faults(page, Scheme::Light);
    for width in WIDTHS {
        for name in
            MUST.iter().map(|(name, _)| *name).chain(["axe image-alt", "axe color-contrast", "axe html-has-lang"])
        {
            let noted = found.iter().any(|fault| fault.starts_with(&format!("{width}: {name}")));
            assert!(noted, "{width}: {name} was not noted: {found:?}");
        }
    }
}

#[test]
fn a_report_prints() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("report.html");
    let html = sample("busy");
    fs::write(&page, &html).expect("written");
    let pdf = chromium::pdf(&page, &folder.path().join("report.pdf"));
    assert!(pdf.starts_with(b"%PDF-"), "no PDF");
    let holds = |text: &str| pdf.windows(text.len()).any(|window| window == text.as_bytes());
    let pages = pdf.windows(11).filter(|window| window.starts_with(b"/Type /Page") && window[10..] != *b"s").count();
    assert!(pages >= 5, "{pages} pages");
    let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).expect("a title").0;
    let escaped = title.replace('(', "\\(").replace(')', "\\)");
    assert!(holds(&format!("/Title ({escaped})")), "the PDF bears the title {title:?}");
    assert!(holds("/StructTreeRoot"), "readers aloud find headings and tables in it");
    assert!(holds("/Lang (en"), "it says its language");
}

#[test]
fn the_browsers_console_stays_empty() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let page = folder.path().join("page.html");
    for name in ["quiet", "busy"] {
        fs::write(&page, sample(name)).expect("written");
        assert_eq!(chromium::console(&page), Vec::<String>::new(), "{name}");
    }
    // A report that would run something is stopped by its own policy, and the console says so.
    fs::write(&page, format!("{}<script>1</script>", sample("quiet"))).expect("written");
    assert!(!chromium::console(&page).is_empty(), "what the policy refuses is told");
}
