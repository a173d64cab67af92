//! AWS Secrets Manager and the Parameter Store of Systems Manager, and services that speak as they do.
//!
//! - `call` signs and sends; `secrets` and `parameters` list and read.
//!
//! Both are listed by the service's own list, page by page. What it lists and does not let be read is told as not seen.

mod call;
mod parameters;
mod secrets;

use super::service::MOST_AT_ONCE;
use super::settings::{Kind, Problem};
use super::{Listing, Reading, Root, Source, SourceError, Surroundings};
use crate::remote::aws::KeySource;
use exhibit_evidence::Clock;
use serde::Deserialize;

/// The table `secrets_manager` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct SecretsManagerSettings(AwsSettings);

/// The table `parameter_store` of a source of credentials.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct ParameterStoreSettings(AwsSettings);

/// What both tables hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AwsSettings {
    /// The region, such as `eu-central-1`.
    pub region: String,
    /// Only names that begin so.
    #[serde(default)]
    pub under: String,
    /// Where the keys are found; where AWS's own tools look, unless it says otherwise.
    #[serde(default)]
    pub keys: KeySource,
    /// Where the service is, if it is not AWS's own.
    pub endpoint: Option<String>,
    /// A file with the certificates of the authorities that its own may come from; without it, those that this machine
    /// trusts.
    pub authorities: Option<String>,
    /// Whether `http://` may be used beyond this machine.
    #[serde(default)]
    pub plain_http: bool,
    /// How many requests go out at once, 1 to 64. AWS allows few at a time for parameters.
    #[serde(default = "four")]
    pub at_once: usize,
}

fn four() -> usize {
    4
}

impl AwsSettings {
    fn problem(&self) -> Option<Problem> {
        let usual = |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '-';
        if self.region.is_empty() || !self.region.chars().all(usual) {
            return Some(("region", "expected a region's name, such as `eu-central-1`"));
        }
        if let Some(problem) = self.keys.problem() {
            return Some(("keys", problem));
        }
        if !(1..=MOST_AT_ONCE).contains(&self.at_once) {
            return Some(("at_once", "expected 1 to 64"));
        }
        None
    }
}

/// Which of the two services.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    Secrets,
    Parameters,
}

/// The secrets or parameters of a region.
struct Aws<'a> {
    which: Which,
    root: Root,
    environment: String,
    settings: AwsSettings,
    clock: &'a dyn Clock,
}

impl<'a> Aws<'a> {
    fn boxed(
        which: Which,
        settings: &AwsSettings,
        around: &Surroundings<'a>,
        environment: &str,
    ) -> Box<dyn Source + 'a> {
        let (root, environment, settings) = (around.root.clone(), environment.to_owned(), settings.clone());
        Box::new(Self { which, root, environment, settings, clock: around.clock })
    }
}

impl Kind for SecretsManagerSettings {
    fn problem(&self) -> Option<Problem> {
        self.0.problem()
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        Aws::boxed(Which::Secrets, &self.0, around, environment)
    }
}

impl Kind for ParameterStoreSettings {
    fn problem(&self) -> Option<Problem> {
        self.0.problem()
    }

    fn open<'a>(&self, around: &Surroundings<'a>, environment: &str) -> Box<dyn Source + 'a> {
        Aws::boxed(Which::Parameters, &self.0, around, environment)
    }
}

impl Source for Aws<'_> {
    fn kind(&self) -> &'static str {
        match self.which {
            Which::Secrets => "secrets-manager",
            Which::Parameters => "parameter-store",
        }
    }

    fn environment(&self) -> &str {
        &self.environment
    }

    fn label(&self) -> String {
        let service = match self.which {
            Which::Secrets => "AWS Secrets Manager",
            Which::Parameters => "AWS Parameter Store",
        };
        let under = match self.settings.under.as_str() {
            "" => String::new(),
            under => format!(", names that begin with {under}"),
        };
        format!("{service} in {}{under}", self.settings.region)
    }

    fn counted_by(&self) -> &'static str {
        match self.which {
            Which::Secrets => {
                "the service's own list of secrets (ListSecrets); a secret counts once, however many fields it has"
            }
            Which::Parameters => "the service's own list of parameters (DescribeParameters)",
        }
    }

    fn rights(&self) -> &'static str {
        match self.which {
            Which::Secrets => "secretsmanager:ListSecrets and secretsmanager:GetSecretValue",
            Which::Parameters => "ssm:DescribeParameters, ssm:GetParameter and ssm:GetParameters, and kms:Decrypt",
        }
    }

    fn listing(&self) -> Result<Listing, SourceError> {
        let names = match self.which {
            Which::Secrets => secrets::names(self),
            Which::Parameters => parameters::names(self),
        };
        names.map(|names| Listing { names })
    }

    fn read(&self) -> Result<Reading, SourceError> {
        match self.which {
            Which::Secrets => secrets::all(self),
            Which::Parameters => parameters::all(self),
        }
    }
}

#[cfg(test)]
mod tests;
