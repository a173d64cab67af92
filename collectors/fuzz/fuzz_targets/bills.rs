//! Any bytes as a bill of materials: reading ends, what it lists are packages that can be named again, and nothing that is told
//! holds what a terminal would obey.
#![no_main]

use exhibit_collectors::packages::{Package, bill::Bill};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    match Bill::read(bytes) {
        Ok(bill) => {
            for package in bill.packages() {
                let purl = package.purl();
                // What is escaped grows, and longer ones are not read.
                assert!(purl.len() > 2048 || Package::parse(&purl).as_ref() == Ok(&package), "{purl}");
            }
            let names = bill.components.iter().flat_map(|one| one.version.iter().chain([&one.name]));
            let told = names.chain(&bill.authors).chain(&bill.tools).chain(&bill.described.name).chain([&bill.form]);
            assert!(told.into_iter().all(|text| !text.contains(char::is_control)));
        }
        Err(error) => assert!(!error.to_string().contains(char::is_control)),
    }
});
