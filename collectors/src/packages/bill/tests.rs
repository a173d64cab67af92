//! Bills as tools write them, and what is none.

use super::*;

const CYCLONEDX: &str = r#"{"bomFormat": "CycloneDX", "specVersion": "1.6",
  "metadata": {"timestamp": "2026-11-01T10:00:00+01:00", "authors": [{"name": "Build team"}],
    "tools": {"components": [{"type": "application", "name": "syft", "version": "1.18.1"}]},
    "component": {"bom-ref": "root", "type": "container", "name": "shop",
      "version": "sha256:1111111111111111111111111111111111111111111111111111111111111111",
      "properties": [{"name": "aquasecurity:trivy:ImageID", "value": "sha256:2222222222222222222222222222222222222222222222222222222222222222"},
                     {"name": "aquasecurity:trivy:DiffID", "value": "sha256:3333333333333333333333333333333333333333333333333333333333333333"}]}},
  "components": [
    {"bom-ref": "a", "type": "library", "name": "a", "version": "1.0", "purl": "pkg:npm/%40s/a@1.0", "publisher": "S",
     "properties": [{"name": "syft:location:0:layerID", "value": "sha256:4444444444444444444444444444444444444444444444444444444444444444"}]},
    {"bom-ref": "b", "type": "library", "name": "b", "version": "2.0", "purl": "pkg:pypi/b", "components": [{"type": "library", "name": "inner", "cpe": "cpe:2.3:a:x:inner:1:*:*:*:*:*:*:*"}]},
    {"bom-ref": "c", "type": "file", "name": "/etc/passwd"},
    {"bom-ref": "d", "type": "operating-system", "name": "debian"}],
  "dependencies": [{"ref": "a", "dependsOn": []}]}"#;

const SPDX: &str = r#"{"spdxVersion": "SPDX-2.3", "name": "shop",
  "creationInfo": {"created": "2026-11-01T09:00:00Z", "creators": ["Organization: Anchore, Inc", "Tool: syft-1.18.1"]},
  "packages": [
    {"SPDXID": "SPDXRef-root", "name": "shop", "versionInfo": "main", "downloadLocation": "git+https://example.org/shop@0123456789abcdef0123456789abcdef01234567"},
    {"SPDXID": "SPDXRef-a", "name": "a", "versionInfo": "1.0", "supplier": "NOASSERTION", "originator": "Person: A",
     "externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:cargo/a@1.0"}, {"referenceType": "cpe23Type", "referenceLocator": "cpe:2.3:a:a:a:1.0:*:*:*:*:*:*:*"}]},
    {"SPDXID": "SPDXRef-b", "name": "b", "supplier": "NOASSERTION"},
    {"SPDXID": "SPDXRef-c", "name": "Cargo.lock", "primaryPackagePurpose": "APPLICATION"}],
  "relationships": [
    {"spdxElementId": "SPDXRef-DOCUMENT", "relatedSpdxElement": "SPDXRef-root", "relationshipType": "DESCRIBES"},
    {"spdxElementId": "SPDXRef-root", "relatedSpdxElement": "SPDXRef-a", "relationshipType": "CONTAINS"}]}"#;

/// Each component in a line: what it is, and what it has.
fn lines(bill: &Bill) -> Vec<String> {
    let line = |component: &Component| {
        let package = component.package.as_ref().map(Package::purl).unwrap_or_default();
        let has = [(component.identified, "cpe"), (component.supplied, "supplier"), (component.related, "related")];
        let has: Vec<&str> = has.into_iter().filter_map(|(there, what)| there.then_some(what)).collect();
        format!("{} {} {package} {}", component.name, component.version.as_deref().unwrap_or("-"), has.join("+"))
    };
    bill.components.iter().map(line).collect()
}

#[test]
fn both_forms_tell_what_a_bill_says() {
    let bill = Bill::read(CYCLONEDX.as_bytes()).expect("a bill");
    assert_eq!(bill.form, "CycloneDX 1.6");
    assert_eq!(bill.timestamp, "2026-11-01T09:00:00.000000Z".parse().ok());
    assert_eq!(
        (bill.authors.as_slice(), bill.tools.as_slice()),
        (["Build team".to_owned()].as_slice(), ["syft 1.18.1".to_owned()].as_slice())
    );
    let first = |digests: &BTreeSet<String>| digests.iter().map(|digest| digest[7..8].to_owned()).collect::<String>();
    assert_eq!((first(&bill.described.digests), first(&bill.described.layers)), ("12".to_owned(), "34".to_owned()));
    assert_eq!(
        lines(&bill),
        ["a 1.0 pkg:npm/%40s/a@1.0 supplier+related", "b 2.0 pkg:pypi/b@2.0 related", "inner -  cpe+related"]
    );
    // Where nobody says what the bill describes, only what is told of the components themselves relates them.
    let of_nothing = CYCLONEDX.replace("\"component\": {", "\"other\": {");
    let bill = Bill::read(of_nothing.as_bytes()).expect("a bill");
    assert_eq!(lines(&bill)[1], "b 2.0 pkg:pypi/b@2.0 ");

    let bill = Bill::read(SPDX.as_bytes()).expect("a bill");
    assert_eq!((bill.form.as_str(), bill.described.name.as_deref()), ("SPDX-2.3", Some("shop")));
    assert_eq!(
        (bill.authors.as_slice(), bill.tools.as_slice()),
        (["Anchore, Inc".to_owned()].as_slice(), ["syft-1.18.1".to_owned()].as_slice())
    );
    let commits: Vec<&String> = bill.described.commits.iter().collect();
    assert_eq!(commits, ["0123456789abcdef0123456789abcdef01234567"]);
    assert_eq!(lines(&bill), ["a 1.0 pkg:cargo/a@1.0 cpe+supplier+related", "b -  "]);
}

#[test]
fn what_is_no_bill_is_told_and_counts_as_none() {
    let deep = "[".repeat(100_000);
    for (text, expected) in [
        ("", "it ends in the middle"),
        ("{}", "it says neither"),
        ("[]", "another shape"),
        ("<!DOCTYPE html>", "no JSON"),
        (&CYCLONEDX[..CYCLONEDX.len() / 2], "it ends in the middle"),
        (r#"{"bomFormat": "CycloneDX", "specVersion": "2.0", "components": []}"#, "its `specVersion` is 2.0"),
        (r#"{"bomFormat": "CycloneDX", "specVersion": "1.6"}"#, "no `components`"),
        (r#"{"spdxVersion": "SPDX-3.0", "packages": []}"#, "its `spdxVersion` is SPDX-3.0"),
        (r#"{"spdxVersion": "SPDX-2.3"}"#, "no `packages`"),
        (
            r#"{"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"name": "a", "purl": "a@1"}]}"#,
            "is not a package URL",
        ),
        (deep.as_str(), "is"),
    ] {
        let error = Bill::read(text.as_bytes()).expect_err("no bill").to_string();
        assert!(error.contains(expected), "{error}");
    }
    let odd = "{\"bomFormat\": \"CycloneDX\", \"specVersion\": \"1.6\", \"metadata\": {\"timestamp\": \"-0001-01-01T00:00:00Z\"}, \"components\": [{\"name\": \"\\u001b[31mred\"}]}";
    let bill = Bill::read(odd.as_bytes()).expect("a bill");
    assert_eq!((bill.timestamp, bill.components[0].name.as_str()), (None, "\\u{1b}[31mred"));
}
