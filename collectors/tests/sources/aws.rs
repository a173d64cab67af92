//! Secrets Manager and Parameter Store on an emulator.

use std::fs;

use exhibit_collectors::sources::Listing;
use exhibit_evidence::Verdict;

use crate::moto::moto;
use crate::story::{assert_clean, read, run, shown, verdict, worst};

/// A folder with keys in files, and the settings that all sources of the emulator share.
fn with_keys() -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("id"), "fake-id").expect("written");
    fs::write(folder.path().join("key"), "canary-aws-key").expect("written");
    let keys = "keys={access_key_id='file:id',secret_access_key='file:key'}";
    (folder, format!("region='eu-central-1',endpoint='{}',{keys}", moto().url))
}

#[test]
fn secrets_of_every_form_are_read_with_their_version() {
    let (folder, settings) = with_keys();
    moto().with(
        "secrets.create_secret(Name='forms/app', SecretString='{\"POSTGRES_PASSWORD\": \"canary-Pg1\", \"port\": 5432}')\n\
         secrets.put_secret_value(SecretId='forms/app', SecretString='{\"POSTGRES_PASSWORD\": \"canary-Pg2\"}')\n\
         secrets.create_secret(Name='forms/plain/API_KEY', SecretString='canary-Pl41n')\n\
         secrets.create_secret(Name='forms/binary', SecretBinary=b'\\x00\\xffcanary')\n\
         secrets.create_secret(Name='forms/going', SecretString='canary-G0ne')\n\
         secrets.delete_secret(SecretId='forms/going')\n\
         secrets.create_secret(Name='Forms/other', SecretString='canary-0ther')",
    );
    let (listing, reading) = read(folder.path(), &format!("secrets_manager={{{settings},under='forms/'}}"));
    let reading = reading.expect("read");
    assert_eq!(listing, Ok(Listing { names: 4 }));
    assert_eq!(reading.examined, 3);
    assert_eq!(
        shown(&reading),
        ["API_KEY=canary-Pl41n", "POSTGRES_PASSWORD=canary-Pg2", "binary=(bytes)", "going: deleted"]
    );
    for found in &reading.credentials {
        let version = found.version.as_ref().expect("known");
        assert!(version.since.is_some() && version.id.is_some(), "{found:?}");
        assert_eq!(version.kept, Some(if found.name == "POSTGRES_PASSWORD" { 2 } else { 1 }));
    }
    let binary = reading.credentials.iter().find(|found| found.name == "binary").expect("there");
    assert_eq!(binary.value.bytes(), b"\x00\xffcanary");
}

#[test]
fn parameters_are_decrypted_and_counted_over_pages() {
    let (folder, settings) = with_keys();
    moto().with(
        "key = keys.create_key()['KeyMetadata']['KeyId']\n\
         for at in range(120): parameters.put_parameter(Name=f'/pages/app/P{at}', Value=f'canary-{at}', Type='SecureString', KeyId=key)\n\
         parameters.put_parameter(Name='/pages/list', Value='a,b', Type='StringList')\n\
         parameters.put_parameter(Name='/pages/app/P7', Value='canary-new', Type='SecureString', KeyId=key, Overwrite=True)",
    );
    let ask = |under: &str| read(folder.path(), &format!("parameter_store={{{settings},under='{under}'}}"));
    let (listing, reading) = ask("/pages/");
    let reading = reading.expect("read");
    assert_eq!((listing, reading.examined), (Ok(Listing { names: 121 }), 121));
    let found = |name: &str| reading.credentials.iter().find(|found| found.name == name).expect("there");
    assert_eq!(found("P7").value.text(), Some("canary-new"));
    assert_eq!(found("P7").version.as_ref().and_then(|version| version.id.as_deref()), Some("2"));
    assert_eq!(found("list").value.text(), Some("a,b"));
    assert!(reading.credentials.iter().all(|found| found.version.as_ref().is_some_and(|known| known.since.is_some())));
    assert_eq!(ask("/nothing/").0, Ok(Listing { names: 0 }));
}

#[test]
fn a_run_passes_fails_errs_and_is_vacuous() {
    let (folder, settings) = with_keys();
    let values = ["canary-Qm7vK2xT9bLw4RzN", "canary-Fh3kP8vZ2mXcY7dQ"];
    let put = |production: &str| {
        moto().with(&format!(
            "parameters.put_parameter(Name='/runs/staging/REDIS_PASSWORD', Value='{}', Type='SecureString', Overwrite=True)\n\
             parameters.put_parameter(Name='/runs/production/REDIS_PASSWORD', Value='{production}', Type='SecureString', Overwrite=True)",
            values[0]
        ));
    };
    let both = ["staging", "production"]
        .map(|id| format!("[[credentials]]\nenvironment='{id}'\nparameter_store={{{settings},under='/runs/{id}/'}}\n"));
    let source = both.concat();
    put(values[1]);
    let passed = run(folder.path(), &source, "");
    assert_eq!(worst(&passed.1), Verdict::Pass, "{:?}", passed.1);
    put(values[0]);
    let failed = run(folder.path(), &source, "");
    assert_eq!(verdict(&failed.1, "shared-across-environments"), Verdict::Fail);
    let gone = run(folder.path(), &source.replace(&moto().url, "http://127.0.0.1:1"), "");
    assert_eq!(worst(&gone.1), Verdict::Error);
    let empty = run(folder.path(), &source.replace("/runs/", "/nothing/"), "");
    assert_eq!(worst(&empty.1), Verdict::Vacuous);
    for ran in [&passed, &failed, &gone, &empty] {
        assert_clean(ran, &values);
        assert_clean(ran, &["canary-aws-key"]);
    }
}
