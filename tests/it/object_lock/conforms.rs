//! What every vault has to do, done by this one.

use exhibit_archive::{
    conformance::CASES,
    s3::{S3Settings, S3Vault},
};

use super::{Bucket, server, settings};

fn run_all(change: impl Fn(&mut S3Settings)) {
    let bucket = tokio::runtime::Runtime::new().expect("a runtime").block_on(Bucket::locked());
    for (number, (name, case)) in CASES.into_iter().enumerate() {
        let mut settings = settings(&bucket, server().s3);
        // Its name stands in the errors of the case.
        settings.prefix = format!("case-{number}-{}/", name.replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
        change(&mut settings);
        case(&S3Vault::new(settings).expect("settings that can be meant"));
    }
}

#[test]
fn s3_conforms() {
    run_all(|_| {});
}

#[test]
fn s3_conforms_where_everything_is_split_into_parts_and_pages_are_short() {
    run_all(|settings| {
        // Cases put up to 100,000 bytes.
        settings.single_part_limit = 30_000;
        settings.page = 2;
    });
}

#[test]
fn s3_conforms_over_tls_whose_authority_is_our_own() {
    run_all(|settings| {
        settings.endpoint = Some(format!("https://{}", server().tls));
        settings.authorities = Some(server().authority.clone().into_bytes());
    });
}
