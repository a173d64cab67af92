//! Manifests, each set written into a folder of its own.

use super::*;

fn source(given: &[(&str, &str)]) -> (tempfile::TempDir, Kubernetes) {
    let folder = tempfile::tempdir().expect("temporary folder");
    for (name, text) in given {
        let path = folder.path().join("k8s").join(name);
        std::fs::create_dir_all(path.parent().expect("parent")).expect("folder");
        std::fs::write(path, text).expect("written");
    }
    let kubernetes =
        Kubernetes::files_at(Root::folder(folder.path()), "production".to_owned(), vec!["k8s/".to_owned()]);
    (folder, kubernetes)
}

fn read(source: &Kubernetes) -> Reading {
    let reading = source.read().expect("read");
    let counted = source.listing().expect("counted").names;
    let seen = reading.examined + reading.unread.len() as u64;
    assert_eq!(counted, seen, "the own count and the reader agree");
    reading
}

const SECRETS: &str = "\
apiVersion: v1
kind: Secret
metadata: {name: postgres-auth}
data:
  password: aHVudGVyMi1odW50ZXIy
  API_KEY: |
    a2V5
    LW9uZQ==
stringData:
  plain: text
---
kind: List
items:
  - kind: ConfigMap
    metadata: {name: settings}
    data: {MODE: fast, TIMEOUT: '30'}
---
kind: SealedSecret
metadata: {name: sealed}
spec:
  encryptedData: {a: AgB, b: AgC}
---
kind: ExternalSecret
metadata: {name: ext}
spec:
  target: {name: ext}
  data:
    - secretKey: TOKEN
      remoteRef: {key: x}
  dataFrom:
    - extract: {key: y}
";

const WORKLOADS: &str = "\
kind: Deployment
metadata: {name: api}
spec:
  template:
    spec:
      initContainers:
        - name: migrate
          envFrom: [{configMapRef: {name: settings}}]
      containers:
        - name: api
          env:
            - {name: DB_PASSWORD, valueFrom: {secretKeyRef: {name: postgres-auth, key: password}}}
            - {name: DATABASE_URL, value: 'postgres://app:$(DB_PASSWORD)@db/shop'}
            - {name: LITERAL, value: '$$(X) $(MISSING)'}
            - {name: POD, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
            - {name: GONE, valueFrom: {secretKeyRef: {name: nowhere, key: x}}}
            - {name: EMPTY}
---
kind: CronJob
metadata: {name: night}
spec:
  jobTemplate:
    spec:
      template:
        spec:
          containers:
            - name: run
              env: [{name: TASK_TOKEN, value: tok}]
";

#[test]
fn objects_and_references() {
    let (_folder, source) = source(&[("a/secrets.yaml", SECRETS), ("b.yml", WORKLOADS), ("n.txt", "x")]);
    let reading = read(&source);
    let shown: Vec<_> = reading
        .credentials
        .iter()
        .map(|found| {
            format!(
                "{}={} {} {:?} {}",
                found.name,
                found.value.text().unwrap_or("?"),
                found.place,
                found.encoding,
                found.recipients.join(",")
            )
        })
        .collect();
    for expected in [
        "DB_PASSWORD=hunter2-hunter2 k8s/a/secrets.yaml:5 (Secret/postgres-auth/password) Base64 Deployment/api",
        "API_KEY=key-one k8s/a/secrets.yaml:7 (Secret/postgres-auth/API_KEY) Base64 ",
        "postgres-auth.plain=text k8s/a/secrets.yaml:10 (Secret/postgres-auth/plain) Plain ",
        "MODE=fast k8s/a/secrets.yaml:16 (ConfigMap/settings/MODE) Plain Deployment/api",
        "DATABASE_URL=postgres://app:hunter2-hunter2@db/shop k8s/b.yml:13 (Deployment/api/containers/api/env/DATABASE_URL) Plain Deployment/api",
        "LITERAL=$(X) $(MISSING) k8s/b.yml:14 (Deployment/api/containers/api/env/LITERAL) Plain Deployment/api",
        "TASK_TOKEN=tok k8s/b.yml:28 (CronJob/night/containers/run/env/TASK_TOKEN) Plain CronJob/night",
    ] {
        assert!(shown.iter().any(|line| line == expected), "{expected} in {shown:#?}");
    }
    let url = reading.credentials.iter().find(|found| found.name == "DATABASE_URL").expect("there");
    assert_eq!(url.through(15..20), ["DB_PASSWORD"]);
    let unread: Vec<_> = reading.unread.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(unread, ["a", "b", "TOKEN", "dataFrom[0]", "GONE"]);
}

#[test]
fn refused_with_place_and_without_the_value() {
    let cases = [
        (
            "kind: Secret\nmetadata: {name: s}\ndata:\n  p: 'hunter2!'\n",
            "k8s/x.yaml:4: Secret/s/data/p: expected base64",
        ),
        (
            "kind: Secret\nmetadata: {name: s}\nstringData:\n  p: [hunter2]\n",
            "k8s/x.yaml:4: Secret/s/stringData/p: expected a text",
        ),
        (
            "kind: Secret\nmetadata: {name: s}\nstringData:\n  'p: hunter2': x\n",
            "k8s/x.yaml:4: Secret/s/stringData: expected a name of letters, digits, `_`, `.` and `-`",
        ),
        ("a: {{ .Values.hunter2 }}\n", "k8s/x.yaml:1: yaml: expected well-formed YAML"),
    ];
    for (text, expected) in cases {
        let (_folder, source) = source(&[("x.yaml", text)]);
        let error = source.read().expect_err("refused");
        assert_eq!(error.to_string(), expected);
        assert!(!format!("{error:?}").contains("hunter2"));
    }
}

#[test]
fn a_folder_that_is_not_there_is_an_error_and_an_empty_one_holds_nothing() {
    let (folder, source) = source(&[("x.txt", "")]);
    assert_eq!(read(&source).examined, 0);
    let gone = Kubernetes { paths: vec!["none/".to_owned()], ..source };
    let expected = "none/: cannot be read: no such file or folder";
    assert_eq!(gone.read().expect_err("absent").to_string(), expected);
    drop(folder);
}

mod whatever_the_input {
    use super::*;
    use proptest::prelude::*;

    fn object() -> impl Strategy<Value = &'static str> {
        prop::sample::select(vec![
            "{kind: Secret, metadata: {name: a}, data: {k: dg==, L: dg==}, stringData: {k: v, M: 5}}",
            "{kind: Secret, metadata: {name: b, namespace: n}, stringData: {x: }}",
            "{kind: Secret, metadata: {name: c}}",
            "{kind: Secret, metadata: {name: d}, data: }",
            "{kind: ConfigMap, metadata: {name: a}, data: {k: plain}, binaryData: {z: dg==}}",
            "{kind: SealedSecret, spec: {encryptedData: {x: y}, template: {metadata: {name: s}}}}",
            "{kind: ExternalSecret, spec: {data: [{secretKey: s}, {}], dataFrom: [{}], target: {name: t}}}",
            "{kind: Deployment, metadata: {name: w}, spec: {template: {spec: {containers: [{name: c, env: [{name: A, value: 'x$(B)$(A)'}, {name: B}, {name: C, value: 5}]}]}}}}",
            "{kind: Pod, metadata: {name: p}, spec: {containers: [{env: [{name: A, valueFrom: {secretKeyRef: {name: a, key: k}}}, {name: F, valueFrom: {fieldRef: {fieldPath: x}}}], envFrom: [{secretRef: {name: b}}, {configMapRef: {name: a}}, {}]}], initContainers: [{env: []}]}}",
            "{kind: CronJob, metadata: {name: j}, spec: {jobTemplate: {spec: {template: {spec: {containers: [{env: [{name: A, valueFrom: {configMapKeyRef: {name: a, key: nope}}}]}]}}}}}}",
            "{kind: SecretList, items: [{kind: Secret, metadata: {name: i}, stringData: {q: r}}, {kind: List, items: [{kind: Secret, data: {e: }}]}]}",
            "{kind: Service, metadata: {name: s}, spec: {ports: [{port: 1}], template: }}",
            "{kind: Secret, metadata: {name: broken}, data: {k: '!'}}",
            "{no: kind}",
            "~",
        ])
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, max_global_rejects: 4096, ..ProptestConfig::default() })]
        /// Where manifests can be read, the own count gives as many names.
        #[test]
        fn the_own_count_and_the_reader_agree(objects in prop::collection::vec(object(), 0..7)) {
            let text: &'static str = Box::leak(objects.join("\n---\n").into_boxed_str());
            let files: &'static [(&str, &str)] = Box::leak(vec![("k/x.yaml", text)].into_boxed_slice());
            let source = Kubernetes::files_at(Root::Memory(files), "production".to_owned(), vec!["k/".to_owned()]);
            let reading = source.read();
            prop_assume!(reading.is_ok());
            let reading = reading.expect("assumed");
            let seen = reading.examined + reading.unread.len() as u64;
            prop_assert_eq!(source.listing().expect("read, so counted").names, seen, "{}", text);
        }
    }
}
