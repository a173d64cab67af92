//! The whole description, asked of a real server by a program that nobody here wrote: every answer must be one that the
//! description tells of, and no input may break anything.

use std::{
    fs,
    process::{Command, Stdio},
};

use exhibit_store::service::{Role, TokenScope};
use exhibit_tests::Api;
use tokio::{net::TcpListener, sync::oneshot};

use super::closed;
use crate::packages::listed;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_by_all_checks_of_schemathesis() {
    let folder = tokio::task::spawn_blocking(|| listed("schemathesis")).await.expect("installed");
    let (story, _) = closed().await;
    let api = Api::new(&story);
    let (_, administrator) = api.token(&story, "ada", Role::Administrator, TokenScope::default()).await;
    // Administrators bring no evidence in: that one way is tried once more by somebody who may.
    let (_, ingest) = api.token(&story, "partner", Role::Ingest, TokenScope::default()).await;
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let (end, ended) = oneshot::channel::<()>();
    let shutdown = Box::pin(async move {
        let _ = ended.await;
    });
    let serving = tokio::spawn(exhibit_web::serve(listener, None, api.router.clone(), shutdown));

    let description = tempfile::Builder::new().suffix(".json").tempfile().expect("a file");
    fs::write(description.path(), serde_json::to_vec(&exhibit_web::document()).expect("JSON")).expect("written");
    let place = tempfile::tempdir().expect("a folder");
    let mut said = Vec::new();
    let only_pushing = ["--include-path", "/api/v1/evidence", "--include-method", "POST"];
    // Each by itself, so that each has its time: the second goes from answers to what they name.
    let passes = [
        (&administrator, "examples,coverage,fuzzing", "60", 50, &[][..]),
        (&administrator, "stateful", "30", 50, &[][..]),
        (&ingest, "examples,coverage,fuzzing", "30", 10, &only_pushing[..]),
    ];
    for (token, phases, seconds, least, which) in passes {
        let mut command = Command::new("python3");
        command
            .args(["-m", "schemathesis.cli", "run"])
            .arg(description.path())
            .args(["--url", &url, "--header", &format!("Authorization: Bearer {token}")])
            .args(["--checks", "all", "--phases", phases, "--max-examples", "25", "--max-time", seconds])
            .args(["--generation-deterministic", "--continue-on-failure", "--warnings", "off"])
            // A NUL is refused wherever it stands, which only a pattern on every text of the description could say.
            .args(["--no-color", "--request-timeout", "20", "--generation-allow-x00", "false"])
            .args(which)
            .env("PYTHONPATH", &folder)
            .current_dir(place.path())
            .stdin(Stdio::null());
        let told = tokio::task::spawn_blocking(move || command.output()).await.expect("joined").expect("python3");
        let text = String::from_utf8_lossy(&[told.stdout, told.stderr].concat()).replace(token, "exh_…");
        said.push((phases, least, told.status.success(), text));
    }
    let _ = end.send(());
    serving.await.expect("joined").expect("served");
    for (phases, least, well, said) in said {
        assert!(well, "{phases}: {said}");
        let cases = said.lines().skip_while(|line| *line != "Test cases:").nth(1).unwrap_or_default();
        let tried: Option<u64> = cases.split_whitespace().next().and_then(|number| number.parse().ok());
        assert!(tried > Some(least), "{phases}: it says how much it tried: {said}");
    }
}
