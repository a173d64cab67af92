//! A repository to measure with: deterministic, of any size, with CI files among everything else.

use git2::{Buf, Oid, Repository, RepositoryInitOptions, Signature, Time};
use std::collections::BTreeMap;
use std::io::{self, Write as _};
use std::path::Path;

/// How a measured repository is made up.
#[derive(Clone, Copy, Debug)]
pub struct Measures {
    /// How many commits.
    pub commits: usize,
    /// How many bytes of blobs in all, about.
    pub bytes: usize,
    /// How many of a hundred bytes are in CI files.
    pub ci_percent: usize,
}

impl Default for Measures {
    /// 1,000 commits and 100 MB of blobs, 4 % of it in CI files.
    fn default() -> Self {
        Self { commits: 1_000, bytes: 100_000_000, ci_percent: 4 }
    }
}

/// Makes a bare repository in `folder`, all objects in one pack.
///
/// # Errors
/// When libgit2 refuses; the message says what.
pub fn generate(folder: &Path, measures: Measures) -> io::Result<()> {
    generate_with_git(folder, measures)
        .map_err(|error| io::Error::other(format!("making a repository: {}", error.message())))
}

fn generate_with_git(folder: &Path, measures: Measures) -> Result<(), git2::Error> {
    let mut options = RepositoryInitOptions::new();
    options.bare(true).initial_head("main").external_template(false).mkpath(true);
    let repository = Repository::init_opts(folder, &options)?;
    let odb = repository.odb()?;
    let memory = odb.add_new_mempack_backend(1_000)?;
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    let mut root: BTreeMap<String, BTreeMap<String, Oid>> = BTreeMap::new();
    let mut folders: BTreeMap<String, Oid> = BTreeMap::new();
    let each = measures.bytes / measures.commits.max(1);
    let ci_size = each * measures.ci_percent / 100;
    let source_size = (each - ci_size) / 4;
    let mut parent: Option<Oid> = None;
    for number in 0..measures.commits {
        let mut changes = vec![ci_file(number, ci_size, &mut random)];
        for _ in 0..4 {
            let (folder, file) = (random.below(40), random.below(25));
            changes.push((format!("module{folder:02}"), format!("file{file:02}.rs"), source(source_size, &mut random)));
        }
        if number % 10 == 0 {
            changes.push(("deploy".to_owned(), format!("service{:02}.yaml", random.below(20)), manifest(number)));
        }
        for (folder, file, content) in changes {
            let blob = repository.blob(content.as_bytes())?;
            root.entry(folder.clone()).or_default().insert(file, blob);
            let mut builder = repository.treebuilder(None)?;
            for (file, blob) in &root[&folder] {
                builder.insert(file, *blob, 0o100_644)?;
            }
            folders.insert(folder, builder.write()?);
        }
        let tree = repository.find_tree(write_root(&repository, &folders)?)?;
        let seconds = 1_600_000_000 + 3_600 * i64::try_from(number).unwrap_or(0);
        let who = Signature::new("Measure", "measure@example.org", &Time::new(seconds, 0))?;
        let parents = parent.iter().map(|id| repository.find_commit(*id)).collect::<Result<Vec<_>, _>>()?;
        parent = Some(repository.commit(None, &who, &who, "A step", &tree, &parents.iter().collect::<Vec<_>>())?);
    }
    let mut pack = Buf::new();
    memory.dump(&repository, &mut pack)?;
    let mut writer = odb.packwriter()?;
    writer.write_all(&pack).map_err(|error| git2::Error::from_str(&error.to_string()))?;
    writer.commit()?;
    memory.reset()?;
    if let Some(tip) = parent {
        repository.reference("refs/heads/main", tip, true, "made")?;
    }
    Ok(())
}

/// The root: folders that begin with a dot lie one deeper, as `.github/workflows` does.
fn write_root(repository: &Repository, folders: &BTreeMap<String, Oid>) -> Result<Oid, git2::Error> {
    let mut root = repository.treebuilder(None)?;
    for (name, tree) in folders {
        let tree = match name.split_once('/') {
            None => *tree,
            Some((_, inner)) => {
                let mut outer = repository.treebuilder(None)?;
                outer.insert(inner, *tree, 0o040_000)?;
                outer.write()?
            }
        };
        root.insert(name.split('/').next().unwrap_or(name), tree, 0o040_000)?;
    }
    root.write()
}

/// xorshift64: the same numbers on every machine.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }
}

const WORDS: [&str; 16] = [
    "let", "value", "result", "self", "match", "return", "index", "buffer", "token", "key", "name", "config", "error",
    "fn", "impl", "state",
];

fn source(size: usize, random: &mut Random) -> String {
    let mut text = String::with_capacity(size + 64);
    while text.len() < size {
        let word = WORDS[usize::try_from(random.below(16)).unwrap_or(0)];
        text.push_str(&format!("    {word}_{:x} = {};\n", random.next() & 0xffff_ffff, random.below(1_000_000)));
    }
    text
}

/// A workflow: jobs with steps, environment and scripts, none of which holds a secret, until `size` is reached.
fn ci_file(number: usize, size: usize, random: &mut Random) -> (String, String, String) {
    let mut text =
        format!("name: workflow {number}\non: [push]\nenv:\n  API_TOKEN: ${{{{ secrets.API_TOKEN }}}}\njobs:\n");
    while text.len() < size {
        let job = random.next() & 0xff_ffff;
        text.push_str(&format!(
            "  job_{job:x}:\n    runs-on: ubuntu-latest\n    env:\n      DEPLOY_PASSWORD: ${{{{ secrets.DEPLOY_PASSWORD }}}}\n      REGION: eu-west-{}\n    steps:\n      - uses: actions/checkout@v4\n      - name: step {:x}\n        run: |\n          export VERSION={}\n          make target_{:x} ARGS=\"--token $API_TOKEN\"\n          curl -H \"Authorization: Bearer $API_TOKEN\" https://example.org/{:x}\n",
            random.below(4),
            random.next() & 0xffff,
            random.below(1_000),
            random.next() & 0xffff,
            random.next() & 0xffff,
        ));
    }
    (".github/workflows".to_owned(), format!("workflow{}.yml", number % 12), text)
}

fn manifest(number: usize) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: service-{number}\nspec:\n  replicas: {}\n",
        number % 7
    )
}
