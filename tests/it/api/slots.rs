//! Expected against performed: what was promised stands in the list, whatever became of it.

use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::{Api, Example, TestWorld};
use serde_json::Value;

use super::closed;

async fn all(api: &Api, token: &str, question: &str, limit: usize) -> Vec<Value> {
    let (mut items, mut before) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("/api/v1/slots?limit={limit}{question}{before}"), token).await;
        assert_eq!(page.status, 200, "{}", String::from_utf8_lossy(&page.body));
        let page = page.json();
        let rows = page["items"].as_array().expect("a list");
        assert!(rows.len() <= limit);
        items.extend(rows.iter().cloned());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return items,
        }
    }
}

fn short(items: &[Value]) -> Vec<String> {
    let text = |item: &Value, name: &str| item[name].as_str().expect("text").to_owned();
    items
        .iter()
        .map(|item| format!("{} {} {}", &text(item, "scheduled_for")[..16], text(item, "job"), text(item, "state")))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_promised_is_listed_whatever_became_of_it() {
    let examples = [
        Example::new("ci", "ci_secrets", "pass").scheduled("0 7 * * *"),
        Example::new("weekly", "unique_credentials", "pass").scheduled("0 7 * * 1"),
    ];
    let story = TestWorld::new("2026-11-15T08:00:00Z", &examples).await;
    story.run_at("2026-11-15T08:00:00Z").await;
    story.run_at("2026-11-16T06:10:00Z").await;
    story.run_at("2026-11-18T12:00:00Z").await;
    story.clock.set("2026-11-20T06:10:00.000000Z".parse().expect("an instant"));
    let api = Api::new(&story);
    let (_, token) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;

    let whole = all(&api, &token, "", 100).await;
    let zone = "in the time zone of stories, which is an hour before UTC in winter";
    assert_eq!(
        short(&whole),
        [
            "2026-11-20T06:00 ci due",
            "2026-11-19T06:00 ci overdue",
            "2026-11-18T06:00 ci late",
            "2026-11-17T06:00 ci missed",
            "2026-11-16T06:00 weekly performed",
            "2026-11-16T06:00 ci performed",
        ],
        "{zone}"
    );
    let (open, closed): (Vec<_>, Vec<_>) = whole.iter().partition(|slot| slot["seq"].is_null());
    assert!(open.iter().all(|slot| slot["id"].is_null() && slot["attempts"].is_null()));
    assert!(closed.iter().all(|slot| slot["id"].is_string() && slot["attempts"].is_u64()));
    for limit in [1, 2, 5, 6] {
        assert_eq!(all(&api, &token, "", limit).await, whole, "{limit} on a page");
    }
    for (question, expected) in [
        ("&state=overdue,due", &["2026-11-20T06:00 ci due", "2026-11-19T06:00 ci overdue"][..]),
        ("&state=missed,overdue", &["2026-11-19T06:00 ci overdue", "2026-11-17T06:00 ci missed"]),
        ("&job=weekly", &["2026-11-16T06:00 weekly performed"]),
        ("&state=to-come&scheduled_to=2026-11-22T00:00:00Z", &["2026-11-21T06:00 ci to-come"]),
        (
            "&scheduled_from=2026-11-18T00:00:00Z&scheduled_to=2026-11-20T00:00:00Z",
            &["2026-11-19T06:00 ci overdue", "2026-11-18T06:00 ci late"],
        ),
    ] {
        for limit in [1, 100] {
            assert_eq!(short(&all(&api, &token, question, limit).await), expected, "{question}");
        }
    }
    let to_come = all(&api, &token, "&state=to-come", 7).await;
    assert_eq!(to_come.len(), 41 + 6, "each day and each Monday until the quarter's end");
    assert_eq!(short(&to_come)[0], "2026-12-31T06:00 ci to-come");
    let size = story.size().await;
    let as_of = all(&api, &token, &format!("&as_of={size}"), 100).await;
    assert_eq!(as_of.len(), closed.len(), "of a checkpoint's time the ledger alone speaks");

    for before in ["17", "x~ci", "1~CI", "99999999999999999~ci", "~ci", "-1~ci"] {
        let answered = api.get(&format!("/api/v1/slots?before={before}"), &token).await;
        assert_eq!(answered.status, 400, "{before}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn list_page_and_report_agree_on_what_was_expected() {
    let (story, _) = closed().await;
    // Nothing was recorded for a while: what fell due since is overdue.
    story.clock.set("2026-10-20T12:00:00.000000Z".parse().expect("an instant"));
    for api in [Api::new(&story), Api::with_row_level_security_alone(&story)] {
        let (_, officer) = api.token(&story, "ada", Role::Officer, TokenScope::default()).await;
        let limited = TokenScope { periods: Some(vec!["2026-Q3".to_owned()]), ..TokenScope::default() };
        let (_, auditor) = api.token(&story, "kim", Role::Auditor, limited).await;
        let all_of_it = all(&api, &officer, "", 3).await;
        let count = |items: &[Value], states: &[&str]| {
            items.iter().filter(|slot| states.iter().any(|state| slot["state"] == *state)).count()
        };
        for (period, from, to) in
            [("2026-09-25T08:00:00Z", "2026-07", "2026-10"), ("2026-10-05T22:00:00Z", "2026-10", "2027-01")]
        {
            let view = serde_json::to_value(story.view(period).await).expect("JSON");
            let of_period: Vec<Value> = all_of_it
                .iter()
                .filter(|slot| (from..to).contains(&&slot["scheduled_for"].as_str().expect("a time")[..7]))
                .cloned()
                .collect();
            for state in ["performed", "late", "missed", "errored"] {
                assert_eq!(view["totals"][state], count(&of_period, &[state]), "{period} {state}");
            }
        }
        assert!(count(&all_of_it, &["overdue"]) > 0);
        let seen = all(&api, &auditor, "", 100).await;
        assert!(!seen.is_empty() && count(&seen, &["overdue", "due"]) == 0, "its period is over");
        assert!(seen.iter().all(|slot| all_of_it.contains(slot)));
        let page = api.ask("GET", "/slots", &[("authorization", &format!("Bearer {officer}"))], "").await;
        let page = String::from_utf8_lossy(&page.body).into_owned();
        let overdue = count(&all_of_it, &["overdue"]);
        assert!(page.contains(&format!("{overdue} are overdue")), "{overdue}: {page}");
    }
}
