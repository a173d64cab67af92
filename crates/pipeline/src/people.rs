//! People who act by themselves, each by a token of their own: whoever calls has checked it.

use exhibit_evidence::{Actor, EntryId, disclosure::PERSON};
use exhibit_store::NewDisclosure;

use crate::{StepError, World, sealing::disclose};

/// The roles whose holders may place and release legal holds, and erase names.
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
