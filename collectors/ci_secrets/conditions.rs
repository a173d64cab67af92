//! The kinds of deviation that this collector's judge notes: why each matters and what to do about it.

use exhibit_evidence::{Condition, ConditionId};

/// A provider's token stands where CI reads it today.
pub const KNOWN_TOKEN: &str = "ci-secrets.known-token";
/// A literal stands where a secret belongs, where CI reads it today.
pub const LITERAL: &str = "ci-secrets.plaintext-literal";
/// A literal stands in for a variable that is not set.
pub const DEFAULT_LITERAL: &str = "ci-secrets.default-literal";
/// A weak password of a throw-away service beside the job.
pub const SERVICE: &str = "ci-secrets.service-container-default";
/// A text that says "put the secret here".
pub const PLACEHOLDER: &str = "ci-secrets.placeholder";
/// A provider's token that only older versions hold.
pub const HISTORY_TOKEN: &str = "ci-secrets.history-known-token";
/// A literal that only older versions hold.
pub const HISTORY_LITERAL: &str = "ci-secrets.history-literal";

/// A condition's id.
pub fn id(text: &str) -> ConditionId {
    ConditionId::new(text).expect("the ids above are authored ids, and a test makes each")
}

const READERS: &str = "Everyone who can read the repository, each fork and clone of it, and every job that checks it out holds the value; nothing records who used it.";

/// What findings of this condition share. `systems` are the ids of the CI systems in which it was noted.
pub fn condition(text: &str, systems: &[&str]) -> Condition {
    let store: Vec<String> = systems.iter().map(|system| snippet(system).to_owned()).collect();
    let owned = |steps: &[&str]| steps.iter().map(|step| (*step).to_owned()).collect::<Vec<String>>();
    let live_steps = || {
        let mut steps = owned(&[
            "Rotate the value at its provider now: whoever could read the repository may hold it, so moving it is not enough.",
            "Look through the provider's access log for use of the old value since the first carrying commit, and record the result.",
        ]);
        steps.extend(store.iter().cloned());
        steps.extend(owned(&[
            "Replace the literal in the file by that reference, on every branch whose tip carries it, and let a job run with the new value.",
            "Once the old value is rotated, decide whether to rewrite history (git filter-repo --replace-text, then a forced push that all clones follow); rotation is what protects, rewriting only tidies.",
            "Turn on secret scanning with push protection in the hosting service, or a pre-commit check, so that the next one does not get in.",
            "Run this check again: the finding then moves to history, and closes with an attestation of the rotation.",
        ]));
        steps
    };
    let history_steps = || {
        owned(&[
            "Find out at the provider whether the value is still valid; if it is, or if nobody can tell, rotate it now.",
            "Look through the provider's access log for use since the first carrying commit, and record the result.",
            "Attest the rotation: add a [[policy.rotated]] table to the job with repository, path, key, until, by and reference; the finding closes for values last carried before `until`.",
            "If the repository must not show the value even so, rewrite history (git filter-repo --replace-text), push with force, and have all clones, forks and caches of the hosting service follow.",
            "Delete branches and tags that are no longer needed and still carry it.",
            "Run this check again to see it closed; where rotation is not possible, ask for a waiver with an expiry and a second person's approval.",
        ])
    };
    let references = vec![
        "CWE-798: Use of Hard-coded Credentials".to_owned(),
        "OWASP CI/CD-SEC-6: Insufficient Credential Hygiene".to_owned(),
    ];
    let (title, risk, impact, recommendation, steps) = match text {
        KNOWN_TOKEN => (
            "A provider's token stands in CI configuration",
            "The value has the exact shape of a provider's credential and can be used as it is, without any further knowledge.",
            READERS,
            "Rotate the token at its provider, then hand it to the job from the CI system's secret store.",
            live_steps(),
        ),
        LITERAL => (
            "A secret is written out in CI configuration",
            "A value under a name that promises a secret is written out instead of being taken from a secret store.",
            READERS,
            "Rotate the value, then hand it to the job from the CI system's secret store.",
            live_steps(),
        ),
        DEFAULT_LITERAL => (
            "A secret falls back on a literal",
            "When the variable is not set, the job goes on with a value that everybody can read, and nobody notices.",
            "A deployment may run with a publicly known secret after nothing more than a typing error in a variable's name.",
            "Let the job fail when the variable is missing, instead of supplying a default.",
            {
                let mut steps = owned(&[
                    "Find out whether any environment was ever set up with the default; if so, rotate it there.",
                    "Replace the default by a demand: ${VAR:?must be set} in shell, no `||` fallback in expressions.",
                ]);
                steps.extend(store.iter().cloned());
                steps.extend(owned(&[
                    "Let a job run once without the variable and see it fail.",
                    "Run this check again, and attest the rotation where the default was in use.",
                ]));
                steps
            },
        ),
        SERVICE => (
            "A throw-away service has a well-known password",
            "The service lives beside the job and goes with it, so the password protects nothing of worth; where the runner is shared or the port is published, others can reach it.",
            "Test data of that job, at most; a habit that spreads to places where it matters, more likely.",
            "Keep it if the runner is isolated and say so in the policy (`accept`), or generate the password in the job.",
            owned(&[
                "Check that the runner is isolated for each job, and that the service publishes no port beyond the job's own network.",
                "Check that the service is never loaded with real data.",
                "Either generate the password at the start of the job (openssl rand -hex 16) and hand it to service and tests alike,",
                "or accept the condition: policy.accept = [\"ci-secrets.service-container-default\"], with the reason in the change that adds it.",
                "Run this check again to see the outcome.",
            ]),
        ),
        PLACEHOLDER => (
            "A placeholder stands where a secret belongs",
            "A stand-in such as \"changeme\" is tried first by whoever guesses, and works wherever nobody replaced it.",
            "Whatever the job sets up with it, if it was never replaced.",
            "Replace the placeholder by a reference to the secret store.",
            {
                let mut steps =
                    owned(&["Find out whether anything was set up with the placeholder; if so, rotate it there."]);
                steps.extend(store.iter().cloned());
                steps.extend(owned(&[
                    "Replace the placeholder by that reference, or remove the line.",
                    "Let a job run and see that it still works.",
                    "Run this check again.",
                ]));
                steps
            },
        ),
        HISTORY_TOKEN => (
            "A provider's token stands in the history of CI configuration",
            "The current files no longer hold it, but every clone does; a token that was not rotated works as before.",
            READERS,
            "Rotate the token at its provider and attest it; removing it from the current file protected nothing.",
            history_steps(),
        ),
        _ => (
            "A secret stands in the history of CI configuration",
            "The current files no longer hold it, but every clone does; a value that was not rotated works as before.",
            READERS,
            "Rotate the value and attest it; removing it from the current file protected nothing.",
            history_steps(),
        ),
    };
    Condition {
        title: title.to_owned(),
        risk: risk.to_owned(),
        impact: impact.to_owned(),
        recommendation: recommendation.to_owned(),
        steps,
        references,
    }
}

/// How a value comes from the secret store of this CI system.
fn snippet(system: &str) -> &'static str {
    match system {
        "github-actions" => {
            "GitHub Actions: store the new value (gh secret set API_TOKEN, at best for an environment with reviewers) and use it as env: {API_TOKEN: \"${{ secrets.API_TOKEN }}\"}; prefer OIDC (permissions: {id-token: write}) over any stored cloud key."
        }
        "gitlab-ci" => {
            "GitLab CI: store the new value under Settings > CI/CD > Variables as masked and protected and use it as $API_TOKEN, or name it under secrets: {API_TOKEN: {vault: path/field@engine}}."
        }
        "circleci" => {
            "CircleCI: store the new value in a restricted context, name the context in the workflow (context: [deploy]) and use it as $API_TOKEN."
        }
        "azure-pipelines" => {
            "Azure Pipelines: store the new value in a variable group linked to Key Vault (variables: [{group: production}]) and hand it over as env: {API_TOKEN: $(apiToken)}."
        }
        "bitbucket" => {
            "Bitbucket: store the new value as a secured repository or deployment variable and use it as $API_TOKEN."
        }
        "jenkins" => {
            "Jenkins: store the new value in the credentials store and use it as environment { API_TOKEN = credentials('api-token') } or withCredentials([string(credentialsId: 'api-token', variable: 'API_TOKEN')]) { … }."
        }
        "travis" => {
            "Travis CI: encrypt the new value for the repository (travis encrypt API_TOKEN=… --add env.global), which leaves a `secure:` entry."
        }
        "drone" => {
            "Drone: store the new value (drone secret add --name api_token) and use it as environment: {API_TOKEN: {from_secret: api_token}}."
        }
        "woodpecker" => {
            "Woodpecker: store the new value as a repository secret and use it as environment: {API_TOKEN: {from_secret: api_token}}."
        }
        "buildkite" => {
            "Buildkite: store the new value as a cluster secret and read it with buildkite-agent secret get API_TOKEN, or export it in an agent's environment hook outside of the repository."
        }
        "appveyor" => {
            "AppVeyor: encrypt the new value under Account > Encrypt YAML and write it as environment: {API_TOKEN: {secure: …}}."
        }
        "tekton" => {
            "Tekton: keep the new value in a Kubernetes Secret and use it as env: [{name: API_TOKEN, valueFrom: {secretKeyRef: {name: ci, key: api-token}}}]."
        }
        "argo-workflows" => {
            "Argo Workflows: keep the new value in a Kubernetes Secret and use it as env: [{name: API_TOKEN, valueFrom: {secretKeyRef: {name: ci, key: api-token}}}]."
        }
        "google-cloud-build" => {
            "Cloud Build: keep the new value in Secret Manager, name it under availableSecrets.secretManager (versionName, env) and list it under the step's secretEnv."
        }
        "aws-codebuild" => {
            "CodeBuild: keep the new value in Secrets Manager and name it as env: {secrets-manager: {API_TOKEN: \"prod/ci:api_token\"}}."
        }
        "other" => {
            "This CI system: store the new value in its secret store and hand it to the job from there, by reference."
        }
        _ => {
            "Scripts: let the CI system hand the new value over as an environment variable from its secret store, and demand it with ${API_TOKEN:?must be set}."
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_condition_has_ordered_steps_and_an_authored_id() {
        for text in [KNOWN_TOKEN, LITERAL, DEFAULT_LITERAL, SERVICE, PLACEHOLDER, HISTORY_TOKEN, HISTORY_LITERAL] {
            assert_eq!(id(text).as_str(), text);
            let condition = condition(text, &["github-actions"]);
            assert!((5..=8).contains(&condition.steps.len()), "{text} has {} steps", condition.steps.len());
        }
    }

    #[test]
    fn every_system_has_a_way_to_hand_over_a_secret() {
        let of_scripts = snippet("script");
        for system in super::super::recognise::systems() {
            assert_eq!(snippet(&system.id) == of_scripts, system.id == "script", "{}", system.id);
        }
    }
}
