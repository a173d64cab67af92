//! Bills of materials that Syft and Trivy make, held against what is counted in the same image and folder.

use exhibit_collectors::Collected;
use exhibit_evidence::Verdict;

use super::{Place, observed, settings};
use crate::scanners::{NPM_LOCK, image};

/// The checks, in the manifest's order.
const CHECKS: [&str; 5] = ["exists", "describes-target", "complete", "minimum-elements", "fresh"];

/// What the collector says of one target, check by check, with the reason.
fn said(place: &Place, target: &str) -> (Vec<(Verdict, String)>, Collected) {
    let (judged, collected) = observed(place, "sbom", &format!("[[targets]]\nid = 'shop'\n{target}\n"), "");
    let said = judged.iter().map(|one| (one.verdict(), one.subjects[0].reason.clone())).collect();
    (said, collected)
}

/// A scanner as a job names it.
fn scanner(place: &Place, adapter: &str, mode: &str) -> String {
    let settings = settings(place, adapter, &[]);
    let read: Vec<String> = settings.read.iter().map(|path| format!("'{path}'")).collect();
    let program = settings.program.unwrap_or_default();
    format!(
        "scanner = {{ adapter = '{adapter}', mode = '{mode}', program = '{program}', read = [{}] }}",
        read.join(", ")
    )
}

fn verdict(said: &[(Verdict, String)], check: &str) -> Verdict {
    let at = CHECKS.iter().position(|one| *one == check).expect("a check");
    said[at].0
}

#[test]
fn what_is_counted_in_an_image_is_what_others_list() {
    for (adapter, mode) in [("syft", "docker-archive"), ("trivy-sbom", "image")] {
        let place = Place::new(&[]);
        place.write("image.tar", &image::debian());
        let (made, collected) = said(&place, &format!("image = 'image.tar'\n{}", scanner(&place, adapter, mode)));
        for check in ["exists", "describes-target", "complete", "minimum-elements"] {
            assert_eq!(verdict(&made, check), Verdict::Pass, "{adapter}, {check}: {made:?}");
        }
        assert_eq!(collected.observation.population[0].exist, Some(1));
        assert_eq!(collected.artifacts.len(), 1, "{adapter}: the bill is kept");

        // The same bill as somebody's file. Syft names the image by a digest of its own making, Trivy by its id.
        place.write("bill.json", &collected.artifacts[0].bytes);
        let (given, _) = said(&place, "image = 'image.tar'\nbill = 'bill.json'");
        assert_eq!(verdict(&given, "complete"), Verdict::Pass, "{given:?}");
        let expected = if adapter == "syft" { Verdict::Error } else { Verdict::Pass };
        assert_eq!(verdict(&given, "describes-target"), expected, "{given:?}");
    }
}

#[test]
fn a_package_that_was_added_since_is_missing_in_the_bill_of_before() {
    for (adapter, mode) in [("syft", "folder"), ("trivy-sbom", "folder")] {
        let place = Place::new(&[("shop/package-lock.json", NPM_LOCK)]);
        let (made, collected) = said(&place, &format!("folder = 'shop'\n{}", scanner(&place, adapter, mode)));
        for check in ["complete", "minimum-elements"] {
            assert_eq!(verdict(&made, check), Verdict::Pass, "{adapter}, {check}: {made:?}");
        }
        assert_eq!(collected.observation.population[0].exist, Some(2));
        place.write("bill.json", &collected.artifacts[0].bytes);
        place.write("shop/requirements.txt", b"django==4.2.1\n");
        let (later, _) = said(&place, "folder = 'shop'\nbill = 'bill.json'");
        assert_eq!(verdict(&later, "complete"), Verdict::Fail, "{adapter}: {later:?}");
        assert_eq!(verdict(&later, "describes-target"), Verdict::NotApplicable);
    }
}
