//! The command line holds what its help promises.

use super::*;

/// Every command, with its subcommands.
fn commands(command: &clap::Command, path: &str, found: &mut Vec<(String, clap::Command)>) {
    for sub in command.get_subcommands() {
        let path = format!("{path} {}", sub.get_name());
        found.push((path.clone(), sub.clone()));
        commands(sub, &path, found);
    }
}

fn all_commands() -> Vec<(String, clap::Command)> {
    let mut cli = Cli::command();
    cli.build();
    let mut found = Vec::new();
    commands(&cli, "exhibit", &mut found);
    found
}

#[test]
fn the_definition_is_sound() {
    Cli::command().debug_assert();
}

#[test]
fn the_names_are_steady() {
    let names: Vec<String> = all_commands().into_iter().map(|(path, _)| path).collect();
    assert_eq!(
        names,
        [
            "exhibit init",
            "exhibit doctor",
            "exhibit check",
            "exhibit demo",
            "exhibit run",
            "exhibit serve",
            "exhibit collectors",
            "exhibit collectors list",
            "exhibit collectors show",
            "exhibit evidence",
            "exhibit evidence list",
            "exhibit evidence show",
            "exhibit evidence artifact",
            "exhibit evidence export",
            "exhibit evidence import",
            "exhibit report",
            "exhibit report render",
            "exhibit report list",
            "exhibit archive",
            "exhibit archive list",
            "exhibit archive check",
            "exhibit archive flush",
            "exhibit archive restore",
            "exhibit hold",
            "exhibit hold place",
            "exhibit hold release",
            "exhibit hold list",
            "exhibit hold show",
            "exhibit attest",
            "exhibit attest key-custody",
            "exhibit attest confirm",
            "exhibit attest withdraw",
            "exhibit attest list",
            "exhibit waiver",
            "exhibit waiver request",
            "exhibit waiver approve",
            "exhibit waiver withdraw",
            "exhibit waiver list",
            "exhibit custody",
            "exhibit custody canary",
            "exhibit disclosures",
            "exhibit disclosures list",
            "exhibit disclosures show",
            "exhibit disclosures erase",
            "exhibit key",
            "exhibit key show",
            "exhibit key rotate",
            "exhibit token",
            "exhibit token create",
            "exhibit token list",
            "exhibit token revoke",
            "exhibit scan",
            "exhibit verify",
            "exhibit fsck",
            "exhibit rebuild",
            "exhibit completions",
        ]
    );
}

/// The words of a line as a shell takes them: what stands in single quotes is one.
fn words_of(line: &str) -> Vec<&str> {
    let quoted = |(number, part)| (number % 2 == 1, part);
    let parts = line.split('\'').enumerate().map(quoted);
    parts.flat_map(|(one, part)| if one { vec![part] } else { part.split_whitespace().collect() }).collect()
}

#[test]
fn every_help_shows_an_example_that_parses() {
    for (path, mut command) in all_commands() {
        let help = command.render_long_help().to_string();
        let examples = help.split("Example:").nth(1).unwrap_or_else(|| panic!("{path}"));
        // A line that ends with `\` goes on with the next, as a shell reads it.
        let examples = examples.replace("\\\n", " ");
        let mut tried = 0;
        for line in examples.lines() {
            let line = line.split("  #").next().unwrap_or_default();
            let line = line.split(" > ").next().unwrap_or_default();
            let Some(at) = line.find("exhibit ").filter(|_| line.starts_with("  ")) else {
                continue;
            };
            let words = words_of(&line[at..]);
            // A line of crontab shows its comment behind.
            if let Err(error) = Cli::try_parse_from(words) {
                panic!("{path}: {line}: {error}");
            }
            tried += 1;
        }
        assert!(tried > 0, "{path} has no example");
    }
}

#[test]
fn every_command_that_looks_at_a_deployment_can_be_told_which() {
    for (path, command) in all_commands() {
        let has = |name: &str| command.get_arguments().any(|arg| arg.get_id() == name);
        let leaf = command.get_subcommands().next().is_none();
        if leaf && !path.ends_with("completions") && !path.ends_with("scan") {
            // Without data of their own that they print, or before there is a deployment.
            let prints_nothing = ["serve", "init", "revoke", "artifact"].iter().any(|end| path.ends_with(end));
            let makes_one = path.ends_with("demo") || path.ends_with("init");
            assert!(has("dir"), "{path} lacks --dir");
            assert!(has("format") || prints_nothing, "{path} lacks --format");
            assert!(has("config") || makes_one, "{path} lacks --config");
        }
    }
}

#[test]
fn the_place_is_one_file_in_the_end() {
    for (words, expected) in [
        (&["exhibit", "fsck"][..], Some("exhibit.toml")),
        (&["exhibit", "fsck", "--config", "a/b.toml"], Some("a/b.toml")),
        (&["exhibit", "fsck", "--dir", "demo"], Some("demo/exhibit.toml")),
        (&["exhibit", "fsck", "--dir", "demo", "--config", "x"], None),
    ] {
        let file = match Cli::try_parse_from(words).map(|cli| cli.command) {
            Ok(Command::Fsck(args)) => Some(args.place.config_file()),
            _ => None,
        };
        assert_eq!(file.as_deref(), expected.map(Path::new), "{words:?}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for words in [
        "exhibit",
        "exhibit help",
        "exhibit evidence",
        "exhibit evidence show x",
        "exhibit evidence artifact 9f86",
        "exhibit evidence list --outcome green",
        "exhibit evidence list --period 2026-Q5",
        "exhibit evidence list --period 2026-Q4 --from 2026-10-01",
        "exhibit evidence list --from yesterday",
        "exhibit evidence list --format csv",
        "exhibit report render --out q4",
        "exhibit report render --period 2026-Q4",
        "exhibit verify",
        "exhibit run Not_An_Id!",
        "exhibit fsck -v -q",
    ] {
        let error = Cli::try_parse_from(words.split(' ')).expect_err(words);
        assert_eq!(error.exit_code(), 2, "{words}");
    }
}

#[test]
fn a_key_and_a_file_are_told_apart() {
    assert_eq!(key_is_file("log.example.com/exhibit+1a2b3c4d+AQ/+x=="), None);
    for path in ["log.pub", "keys/a+b.pub", "keys/a+b+c.pub"] {
        assert_eq!(key_is_file(path), Some(Path::new(path)));
    }
}

#[test]
fn completions_are_scripts() {
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        assert!(String::from_utf8_lossy(&completions(shell)).contains("exhibit"));
    }
}

/// Broken by hand and then by the terminal's width, it would stand in ragged lines.
#[test]
fn a_paragraph_of_help_is_one_line() {
    let prose = |line: &str| !line.is_empty() && !line.starts_with(' ');
    for (path, command) in all_commands() {
        let help = command.get_after_long_help().map(ToString::to_string).unwrap_or_default();
        for (line, next) in help.lines().zip(help.lines().skip(1)) {
            let sentence = line.ends_with(['.', ':']);
            assert!(!prose(line) || !prose(next) || sentence, "{path}: broken by hand after: {line}");
        }
    }
}
