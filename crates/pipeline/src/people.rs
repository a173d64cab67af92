//! People who act by themselves, each by a token of their own: whoever calls has checked it.

use exhibit_detect::Engine;
use exhibit_evidence::{Actor, Body, EntryId, disclosure::PERSON, letters::steers};
use exhibit_store::{Append, NewDisclosure, NewEntry};
use unicode_normalization::UnicodeNormalization as _;

use crate::{
    StepError, World, checkpoint,
    sealing::{disclose, scrubbed},
};

/// The roles whose holders may place and release legal holds, attest, waive, and erase names.
pub const ROLES: [&str; 2] = ["administrator", "officer"];

/// A person who acts, as their token says.
#[derive(Clone, PartialEq, Eq)]
pub struct Person {
    /// The token's person.
    pub name: String,
    /// The token's role.
    pub role: String,
    /// The token's id.
    pub token: EntryId,
}

impl std::fmt::Debug for Person {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { role, token, .. } = self;
        f.debug_struct("Person").field("role", role).field("token", token).finish_non_exhaustive()
    }
}

/// Refuses who may not.
pub(crate) fn may_act(person: &Person) -> Result<(), StepError> {
    if ROLES.contains(&person.role.as_str()) {
        return Ok(());
    }
    Err(StepError::Role { role: person.role.clone(), may: ROLES.join(" and ") })
}

/// The person as an entry names them; their name goes apart.
pub(crate) fn actor(
    world: &World,
    entry: EntryId,
    person: &Person,
    disclosures: &mut Vec<NewDisclosure>,
) -> Result<Actor, StepError> {
    let name = disclose(world, entry, PERSON, &person.name, disclosures)?;
    Ok(Actor { person: name, role: person.role.clone(), token: person.token })
}

/// How a person stands to whoever acted before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Beside {
    /// It is the same person: by the same token, or under the same name.
    Same,
    /// It is another one.
    Another,
    /// The name of whoever acted was erased, and the token is another one: nobody can tell.
    Unknown,
}

/// Whether a person is another than the one who acted in this entry.
pub(crate) async fn beside(world: &World, person: &Person, entry: EntryId, by: &Actor) -> Result<Beside, StepError> {
    if by.token == person.token {
        return Ok(Beside::Same);
    }
    Ok(match name_of(world, entry, PERSON).await? {
        Some(name) if same_person(&name, &person.name) => Beside::Same,
        Some(_) => Beside::Another,
        None => Beside::Unknown,
    })
}

/// Two spellings of one name are one person: what tells persons apart is letters and digits, in whatever form, and neither
/// marks nor what is invisible. Where that errs, it refuses.
fn same_person(one: &str, other: &str) -> bool {
    let plain = |name: &str| -> String {
        let upper: String = name.nfkd().flat_map(char::to_uppercase).collect();
        upper.to_lowercase().nfkd().filter(|one| one.is_alphanumeric()).collect()
    };
    plain(one) == plain(other)
}

/// The value behind a digest of this entry; none where it was erased.
pub(crate) async fn name_of(world: &World, entry: EntryId, path: &str) -> Result<Option<String>, StepError> {
    let disclosed = world.store.disclosures_of(&[entry]).await?;
    let found = disclosed.into_iter().find(|one| one.path == path);
    Ok(found.and_then(|one| one.disclosure).map(|disclosure| disclosure.value.clone()))
}

/// The people who acted in these entries, with the entry of each; erased names are missing.
pub(crate) async fn names_of(
    world: &World,
    acts: impl IntoIterator<Item = EntryId>,
) -> Result<Vec<(EntryId, String)>, StepError> {
    let mut people = Vec::new();
    for act in acts {
        people.extend(name_of(world, act, PERSON).await?.map(|name| (act, name)));
    }
    Ok(people)
}

/// Appends a person's act with what it discloses, and signs it.
pub(crate) async fn append(
    world: &World,
    id: EntryId,
    act: impl Into<Body>,
    disclosures: Vec<NewDisclosure>,
) -> Result<(), StepError> {
    let entry = NewEntry { id, body: act.into() };
    world.store.append(Append { disclosures, ..Append::entries(world.now(), vec![entry]) }).await?;
    checkpoint(world).await?;
    Ok(())
}

/// A person's text as it is recorded: one line, masked.
///
/// # Errors
/// What it has to be, in words.
pub(crate) fn line(engine: &Engine, what: &str, text: &str, longest: usize) -> Result<String, String> {
    let text = text.trim();
    let text = scrubbed(engine, text).unwrap_or_else(|| text.to_owned());
    let length = text.chars().count();
    if length == 0 || length > longest || text.contains(char::is_control) {
        return Err(format!("a {what} has 1 to {longest} characters on one line, this one has {length}"));
    }
    // It would be read as another text than the one that is signed for.
    if let Some(turns) = text.chars().find(|c| steers(*c)) {
        return Err(format!(
            "a {what} holds no character that turns the direction of writing, this one holds U+{:04X}",
            turns as u32
        ));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reads_as_it_is_written() {
        let engine = Engine::builtin();
        let read = |text: &str| line(engine, "reason", text, 20);
        assert_eq!(read(" moved in January ").as_deref(), Ok("moved in January"));
        assert!(read("").is_err() && read("two\nlines").is_err() && read(&"x".repeat(21)).is_err());
        let turned = read("ok \u{202e}drawer ot").expect_err("it is turned");
        assert!(turned.ends_with("this one holds U+202E"), "{turned}");
    }

    #[test]
    fn spellings_of_a_name_are_one_person() {
        for other in [
            " ada  LOVELACE",
            "Ada.Lovelace",
            "Ada\u{200b} Love\u{ad}lace",
            "A\u{301}da Lovelace",
            "\u{c1}da Lovelace",
            "\u{ff21}da Lovelace",
            "Ada Lovelace\u{2060}",
        ] {
            assert!(same_person("Ada Lovelace", other), "{other:?}");
        }
        assert!(same_person("Strau\u{df}", "STRAUSS"));
        assert!(!same_person("ada@example.com", "bob@example.com"));
    }
}
