//! What the migrations say that the schema's functions and the service's rights are: read from their own text, so that
//! there is no second list of it to keep.

use std::collections::{BTreeMap, BTreeSet};

/// A function as its last migration wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Function {
    /// Between the dollar quotes, to the byte.
    pub(super) body: String,
    /// Its language.
    pub(super) language: String,
    /// Whether it runs with its owner's rights.
    pub(super) definer: bool,
    /// Whether it promises to change nothing.
    pub(super) stable: bool,
    /// Its own settings, as `name=value`, names in lower case.
    pub(super) settings: BTreeSet<String>,
}

/// What the service role is given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Grants {
    /// Privileges by table.
    pub(super) tables: BTreeMap<String, BTreeSet<String>>,
    /// Privileges by table and column.
    pub(super) columns: BTreeMap<(String, String), BTreeSet<String>>,
    /// Functions it may call.
    pub(super) functions: BTreeSet<String>,
}

/// The functions that are there after these migrations, by name.
pub(super) fn functions<'m>(migrations: impl IntoIterator<Item = &'m str>) -> BTreeMap<String, Function> {
    let mut functions = BTreeMap::new();
    for migration in migrations {
        let mut rest = migration;
        while let Some(at) = rest.find("FUNCTION exhibit.") {
            let before = rest[..at].trim_end();
            rest = &rest[at + "FUNCTION exhibit.".len()..];
            let name: String = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            if before.ends_with("DROP") {
                functions.remove(&name);
            } else if before.ends_with("CREATE") || before.ends_with("CREATE OR REPLACE") {
                let Some((function, after)) = function(rest) else { continue };
                functions.insert(name, function);
                rest = after;
            }
        }
    }
    functions
}

/// A function from its arguments on, and what comes after it.
fn function(text: &str) -> Option<(Function, &str)> {
    let (header, rest) = text.split_once("$$")?;
    let (body, rest) = rest.split_once("$$")?;
    let header = header.split_whitespace().collect::<Vec<_>>().join(" ");
    let header = header.strip_suffix("AS").unwrap_or(&header);
    let mut parts = header.split(" SET ");
    let attributes: Vec<&str> = parts.next()?.split(' ').collect();
    let language = attributes.iter().skip_while(|word| **word != "LANGUAGE").nth(1);
    Some((
        Function {
            body: body.to_owned(),
            language: language.copied().unwrap_or_default().to_owned(),
            definer: attributes.contains(&"DEFINER"),
            stable: attributes.contains(&"STABLE"),
            settings: parts.filter_map(|part| part.split_once('=')).map(|(name, value)| setting(name, value)).collect(),
        },
        rest,
    ))
}

/// A function's setting in the form that is compared.
pub(super) fn setting(name: &str, value: &str) -> String {
    format!("{}={}", name.trim().to_lowercase(), value.trim().trim_matches('\''))
}

/// What `grant_service_role` gives, and what is given to everybody.
pub(super) fn grants<'m>(
    migrations: impl IntoIterator<Item = &'m str>,
    functions: &BTreeMap<String, Function>,
) -> Grants {
    let mut grants = Grants::default();
    let body = functions.get("grant_service_role").map(|function| bare(&function.body)).unwrap_or_default();
    statements(&body, "TO %I").for_each(|(privileges, objects)| grants.take(privileges, objects));
    // The functions stand in a list of their own, as texts such as 'lock_head()'.
    let listed = body.split('\'').skip(1).step_by(2).filter(|text| text.ends_with(')') && !text.contains("GRANT"));
    grants.functions.extend(listed.filter_map(|text| text.split_once('(')).map(|(name, _)| name.to_owned()));
    for migration in migrations {
        statements(&bare(migration), "TO PUBLIC").for_each(|(privileges, objects)| grants.take(privileges, objects));
    }
    grants
}

/// The text without its comments.
fn bare(text: &str) -> String {
    let lines = text.lines().map(|line| line.split_once("--").map_or(line, |(statement, _)| statement));
    lines.collect::<Vec<_>>().join("\n")
}

/// Privileges and objects of each `GRANT … ON … <to>`.
fn statements<'t>(text: &'t str, to: &'t str) -> impl Iterator<Item = (&'t str, &'t str)> {
    text.split("GRANT ").skip(1).filter_map(move |statement| {
        let (statement, _) = statement.split_once(to)?;
        let (privileges, objects) = statement.split_once(" ON ")?;
        // One that ends before this `to` is another statement.
        (!objects.contains(" TO ")).then_some((privileges, objects))
    })
}

impl Grants {
    fn take(&mut self, privileges: &str, objects: &str) {
        if let Some(function) = objects.trim().strip_prefix("FUNCTION exhibit.") {
            let name: String = function.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            self.functions.extend((!name.is_empty()).then_some(name));
            return;
        }
        let tables = objects.split(',').filter_map(|object| object.trim().strip_prefix("exhibit."));
        for table in tables {
            for (privilege, columns) in split(privileges) {
                if columns.is_empty() {
                    self.tables.entry(table.to_owned()).or_default().insert(privilege.clone());
                }
                for column in columns {
                    let of_column = self.columns.entry((table.to_owned(), column)).or_default();
                    of_column.insert(privilege.clone());
                }
            }
        }
    }
}

/// `SELECT, UPDATE (a, b)` as privileges, each with its columns.
fn split(privileges: &str) -> Vec<(String, Vec<String>)> {
    let mut all = Vec::new();
    let mut rest = privileges.trim();
    while !rest.is_empty() {
        let end = rest.find([',', '(']).unwrap_or(rest.len());
        let privilege = rest[..end].trim().to_owned();
        let mut columns = Vec::new();
        rest = &rest[end..];
        if let Some(inside) = rest.strip_prefix('(') {
            let (listed, after) = inside.split_once(')').unwrap_or((inside, ""));
            columns.extend(listed.split(',').map(|column| column.trim().to_owned()));
            rest = after;
        }
        rest = rest.trim_start().trim_start_matches(',').trim_start();
        all.push((privilege, columns));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "CREATE FUNCTION exhibit.one(a int)\nRETURNS void LANGUAGE sql SECURITY DEFINER \
        SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' AS $$ SELECT 1 $$;\n\
        CREATE FUNCTION exhibit.two() RETURNS void LANGUAGE plpgsql STABLE AS $$BEGIN END$$; \
        COMMENT ON FUNCTION exhibit.two() IS 'x'; GRANT EXECUTE ON FUNCTION exhibit.two() TO PUBLIC;";
    const SECOND: &str = "DROP FUNCTION exhibit.two(); CREATE OR REPLACE FUNCTION exhibit.one(a int) RETURNS void \
        LANGUAGE sql AS $$ SELECT 2 $$; CREATE FUNCTION exhibit.grant_service_role(role name) RETURNS void \
        LANGUAGE plpgsql AS $$ EXECUTE format('GRANT SELECT, UPDATE (b, c) ON exhibit.x,\n exhibit.y TO %I', role); \
        EXECUTE format('GRANT EXECUTE ON FUNCTION exhibit.%s TO %I', whole, role); ARRAY['one(int)'] $$;";

    #[test]
    fn the_last_word_on_a_function_counts() {
        let functions = functions([FIRST, SECOND]);
        assert_eq!(functions.keys().collect::<Vec<_>>(), ["grant_service_role", "one"]);
        assert_eq!((functions["one"].body.as_str(), functions["one"].definer), (" SELECT 2 ", false));
        let first = super::functions([FIRST]);
        assert!(first["one"].definer && !first["one"].stable && first["two"].stable);
        assert_eq!(first["two"].language, "plpgsql");
        let settings: Vec<_> = first["one"].settings.iter().map(String::as_str).collect();
        assert_eq!(settings, ["search_path=pg_catalog, pg_temp", "timezone=UTC"]);
    }

    #[test]
    fn grants_are_read_by_table_column_and_function() {
        let migrations = [FIRST, SECOND];
        let grants = grants(migrations, &functions(migrations));
        assert_eq!(grants.tables.len(), 2);
        assert!(grants.tables.values().all(|privileges| privileges.iter().eq(["SELECT"])));
        assert_eq!(grants.columns.len(), 4);
        assert!(grants.columns.contains_key(&("y".to_owned(), "c".to_owned())));
        assert_eq!(grants.functions.iter().collect::<Vec<_>>(), ["one", "two"]);
    }
}
