//! Who acts: a person, by the token that they show in a file or in the environment.

use std::{env, fs};

use anyhow::{Context as _, bail};
use exhibit_evidence::{EntryId, Timestamp};
use exhibit_pipeline::Person;
use exhibit_web::token::TokenText;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::{args::Acting, deployment::Deployment, output::Hint as _, token_key::token_key};

/// The environment variable that may hold a token.
const VARIABLE: &str = "EXHIBIT_TOKEN";

/// What stands where a name was.
pub(crate) const ERASED: &str = "a name that was erased";

/// Who did what when, as it is printed.
#[derive(Serialize)]
pub(crate) struct Act {
    entry: EntryId,
    pub(crate) at: Timestamp,
    by: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

impl Act {
    /// The act that this entry records; `people` are the names that were not erased, by entry.
    pub(crate) fn of(entry: EntryId, at: Timestamp, reason: Option<String>, people: &[(EntryId, String)]) -> Self {
        let by = people.iter().find(|(id, _)| *id == entry).map(|(_, name)| name.clone());
        Self { entry, at, by, reason }
    }

    /// For people.
    pub(crate) fn words(&self) -> String {
        let by = self.by.as_deref().unwrap_or(ERASED);
        let why = self.reason.as_ref().map(|why| format!(": {why}")).unwrap_or_default();
        format!("{} by {by}{why}", self.at.human())
    }
}

/// The person whose token is shown, if it is good now.
///
/// # Errors
/// When none is shown, or it is unknown, has expired or was revoked: which of these is told to nobody.
pub(crate) async fn person(deployment: &Deployment, acting: &Acting) -> anyhow::Result<Person> {
    let text = match &acting.token_file {
        Some(path) => {
            Zeroizing::new(fs::read_to_string(path).with_context(|| format!("the token file {}", path.display()))?)
        }
        None => match env::var(VARIABLE) {
            Ok(text) => Zeroizing::new(text),
            Err(_) => {
                return Err(anyhow::anyhow!("this is done by a person, and no token says which"))
                    .hint(format!("name a file by --token-file, or set {VARIABLE}; `exhibit token create` makes one"));
            }
        },
    };
    let text = TokenText::parse(text.trim()).context("the token that was shown")?;
    let world = &deployment.world;
    let key = token_key(&deployment.config)?;
    let now = world.now();
    let found = world.store.find_token(text.lookup()).await?;
    let good = found.filter(|found| {
        key.matches(&text, &found.hash) && found.token.revoked.is_none() && found.token.expires_at > now
    });
    let Some(found) = good else { bail!("this token is unknown, has expired or was revoked") };
    world.store.touch_token(found.token.id, now).await?;
    let token = found.token;
    Ok(Person { name: token.person, role: token.role.word().to_owned(), token: EntryId(token.id) })
}
