//! What Postgres keeps, as files that can be searched: every table as it would be read, and what lies packed in one.

use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _, path::Path};

use exhibit_store::{DatabaseUrl, testing::sql};
use flate2::read::ZlibDecoder;

use crate::Needles;

/// Where in the database of this superuser's the needles are: each form that is found, with the table.
///
/// # Panics
/// When a table can't be read, or there are none.
pub async fn tables_that_hold(superuser: &DatabaseUrl, needles: &Needles) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("the server may write there");
    sql(superuser, &copies(folder.path())).await.expect("a superuser may read every table");
    let mut found = Vec::new();
    let mut tables = 0;
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let entry = entry.expect("an entry");
        let bytes = fs::read(entry.path()).expect("readable for all");
        let name = entry.file_name().to_string_lossy().into_owned();
        tables += usize::from(name.starts_with("exhibit."));
        found.extend(needles.told_in(&bytes).into_iter().map(|form| format!("table {name}: {form}")));
        if name == PACKED {
            for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
                let mut artifact = Vec::new();
                let packed = hex::decode(line).expect("hexadecimal digits");
                ZlibDecoder::new(&packed[..]).read_to_end(&mut artifact).expect("an artifact unpacks");
                found.extend(needles.told_in(&artifact).into_iter().map(|form| format!("an artifact: {form}")));
            }
        }
    }
    assert!(tables > 10, "only {tables} tables were searched");
    found
}

/// The file with what artifacts' rows hold, packed as it is.
const PACKED: &str = "artifacts.hex";

/// The server writes its tables out itself, in binary form, in which texts and bytes stand as they are.
fn copies(folder: &Path) -> String {
    let folder = folder.to_str().expect("UTF-8");
    format!(
        "DO $$ DECLARE r record; BEGIN \
           FOR r IN SELECT n.nspname s, c.relname t, CASE n.nspname WHEN 'pg_catalog' THEN 'text' ELSE 'binary' END f \
                      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace \
                     WHERE c.relkind IN ('r', 'p', 'm') AND NOT c.relispartition \
                       AND n.nspname NOT IN ('information_schema', 'pg_toast') LOOP \
             EXECUTE format('COPY (SELECT * FROM %I.%I) TO %L (FORMAT %s)', r.s, r.t, '{folder}/' || r.s || '.' || r.t, r.f); \
           END LOOP; END $$; \
         COPY (SELECT encode(deflated, 'hex') FROM exhibit.artifacts) TO '{folder}/{PACKED}'"
    )
}
