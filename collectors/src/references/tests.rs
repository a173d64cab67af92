//! What each kind of file names, as short as it can be: `line image tag pin`.

use super::*;

fn told(path: &str, text: &str) -> Vec<String> {
    let form = Form::of(path).expect("a kind");
    let Some(all) = form.read(path, text.as_bytes()).expect("readable") else { return vec!["none".to_owned()] };
    all.iter().map(line).collect()
}

fn line(one: &Reference) -> String {
    let tag = one.tag.as_ref().map(|tag| format!(":{tag}")).unwrap_or_default();
    let by = one.by.as_ref().map(|by| format!(" by {by}")).unwrap_or_default();
    format!("{} {}{tag} {}{by}", one.line, one.image, format!("{:?}", one.pin).to_lowercase())
}

/// What all these files name together, as `path: line image tag pin`.
fn told_of(files: &[(&str, &str)]) -> Vec<String> {
    let found = |(path, text): &(&str, &str)| {
        let format = Form::of(path).expect("a kind");
        Found { path: (*path).to_owned(), format, bytes: text.as_bytes().to_vec() }
    };
    let files: Vec<_> = files.iter().map(found).collect();
    let (read, lost) = read_all(&files);
    assert_eq!(lost, []);
    read.iter().flat_map(|file| file.references.iter().map(|one| format!("{}: {}", file.path, line(one)))).collect()
}

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

#[test]
fn files_are_known_by_their_names() {
    for (path, form) in [
        ("Dockerfile", Some(Form::Dockerfile)),
        ("a/dockerfile", Some(Form::Dockerfile)),
        ("a/Dockerfile.prod", Some(Form::Dockerfile)),
        ("a/api.Dockerfile", Some(Form::Dockerfile)),
        ("Containerfile", Some(Form::Dockerfile)),
        ("Dockerfile.dockerignore", None),
        ("docs/dockerfiles.md", None),
        ("docker-compose.override.yml", Some(Form::Compose)),
        ("compose.yaml", Some(Form::Compose)),
        ("deploy/web.yaml", Some(Form::Kubernetes)),
        ("deploy/kustomization.yaml", Some(Form::Kustomization)),
        ("deploy/Kustomization", Some(Form::Kustomization)),
        (".github/workflows/ci.yml", Some(Form::Workflow)),
        (".gitea/workflows/ci.yaml", Some(Form::Workflow)),
        ("tools/lint/action.yml", Some(Form::Workflow)),
        ("workflows/ci.yml", Some(Form::Kubernetes)),
        (".gitlab-ci.yml", Some(Form::Gitlab)),
        ("ci/deploy.gitlab-ci.yml", Some(Form::Gitlab)),
        ("deploy/web.json", None),
        ("main.rs", None),
    ] {
        assert_eq!(Form::of(path), form, "{path}");
    }
}

#[test]
fn a_reference_is_taken_apart() {
    for (written, image, tag, pin) in [
        ("debian", "debian", None, Pin::Tag),
        ("debian:12", "debian", Some("12"), Pin::Tag),
        ("localhost:5000/a/b", "localhost:5000/a/b", None, Pin::Tag),
        ("localhost:5000/a/b:1", "localhost:5000/a/b", Some("1"), Pin::Tag),
        (&format!("a/b:1@{DIGEST}"), "a/b", Some("1"), Pin::Digest),
        (&format!("a/b@{DIGEST}"), "a/b", None, Pin::Digest),
        (&format!("a/b@{}", &DIGEST[..70]), "a/b", None, Pin::Tag),
        ("a/b@sha256:", "a/b", None, Pin::Tag),
        (&format!("a/b@sha512:{}", "0".repeat(128)), "a/b", None, Pin::Digest),
    ] {
        let expected = Reference { image: image.to_owned(), tag: tag.map(str::to_owned), pin, line: 1, by: None };
        assert_eq!(Reference::read(written, 1), expected, "{written}");
    }
}

#[test]
fn dockerfiles_name_what_they_are_built_from() {
    let text = format!(
        "# syntax=docker/dockerfile:1
ARG BASE=debian:12 KIND=slim
ARG FULL=${{BASE}}-$KIND
ARG OPEN
FROM --platform=$BUILDPLATFORM $FULL AS Build-amd64
RUN <<EOF cat > x
FROM not/an-instruction
EOF
FROM golang:1.25@{DIGEST} \\
  # not part of it
  AS tools
COPY --from=build-amd64 /a /a
COPY --from=0 /a /a
COPY --chown=1 --from=nginx:latest /a /a
RUN --mount=type=cache,target=/x --mount=type=bind,from=busybox,target=/y cp a b
FROM build-${{TARGETARCH}}
FROM tool${{TARGETARCH}}
FROM ${{OPEN}}
FROM ${{OPEN}}@{DIGEST}
FROM ${{OPEN:-alpine}}
from scratch
ONBUILD COPY --from=onbuild/image /a /a
FROM tools
"
    );
    assert_eq!(
        told("Dockerfile", &text),
        [
            "5 debian:12-slim tag",
            "9 golang:1.25 digest",
            "14 nginx:latest tag",
            "15 busybox tag",
            "18 ${OPEN} unresolved",
            "19 ${OPEN} digest",
            "20 alpine tag",
            "22 onbuild/image tag",
        ]
    );
    let windows = "# escape=`\nFROM mcr.example/servercore `\n AS a\nCOPY a C:\\\nFROM b\n";
    assert_eq!(told("Dockerfile", windows), ["2 mcr.example/servercore tag", "5 b tag"]);
    assert_eq!(told("Dockerfile.j2", "FROM {{ base }}\n"), ["1 {{ templated"]);
    assert!(Form::Dockerfile.read("Dockerfile", b"<html>").is_err());
    assert!(Form::Dockerfile.read("Dockerfile", b"").is_err());
}

#[test]
fn compose_files_name_what_they_run() {
    let text = format!(
        "x-base: &base\n  image: shared:1\nservices:\n  a:\n    image: \"a:${{TAG:-1.2}}\"\n  b:\n    build: .\n    image: ours:1\n  c:\n    <<: *base\n  d:\n    image: ${{REGISTRY}}/d:1\n  e:\n    image: ${{REGISTRY}}/e@{DIGEST}\n  f:\n    build:\n      dockerfile_inline: |\n        FROM inline:1\n  g:\n    image: g@{DIGEST}\n"
    );
    assert_eq!(
        told("compose.yaml", &text),
        [
            "2 shared:1 tag",
            "5 a:1.2 tag",
            "12 ${REGISTRY}/d:1 unresolved",
            "14 ${REGISTRY}/e digest",
            "17 inline:1 tag",
            "20 g digest",
        ]
    );
    assert!(Form::Compose.read("compose.yaml", b"services: [").is_err());
}

#[test]
fn manifests_name_what_a_cluster_runs() {
    let text = format!(
        "apiVersion: apps/v1\nkind: Deployment\nspec:\n  template:\n    spec:\n      initContainers:\n      - image: init:1\n      containers:\n      - name: a\n        image: a@{DIGEST}\n      volumes:\n      - image:\n          reference: models/m:1\n      - rbd:\n          image: disk\n---\napiVersion: v1\nkind: ConfigMap\ndata:\n  containers: x\n  image: no\n---\napiVersion: v1\nkind: List\nitems:\n- apiVersion: batch/v1\n  kind: CronJob\n  spec: {{jobTemplate: {{spec: {{template: {{spec: {{containers: [{{image: $(params.image)}}]}}}}}}}}}}\n- apiVersion: v1\n  kind: ConfigMap\n  data: {{containers: [{{image: no}}]}}\n"
    );
    let expected = ["7 init:1 tag", "10 a digest", "13 models/m:1 tag", "28 $(params.image) unresolved"];
    assert_eq!(told("deploy.yaml", &text), expected);
    let template = "apiVersion: apps/v1\nkind: Deployment\n{{- if .Values.x }}\nspec:\n  containers:\n  - image: \"{{ .Values.image }}:{{ .Values.tag }}\"\n  - image: busybox:1 # why\n{{- end }}\n";
    let expected = ["6 {{ .Values.image }}:{{ .Values.tag }} templated", "7 busybox:1 tag"];
    assert_eq!(told("templates/web.yaml", template), expected);
    let json = r#"{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"image": "web"}]}}"#;
    assert_eq!(told("pod.yaml", json), ["1 web tag"]);
    for (path, text) in
        [("values.yaml", "image: a:1\n"), ("ci.yml", "kind: pipeline\nsteps: [{image: a}]\n"), ("x.yaml", "[")]
    {
        assert_eq!(told(path, text), ["none"], "{path}");
    }
    assert!(Form::Kubernetes.read("x.yaml", b"apiVersion: v1\nkind: [").is_err());
}

#[test]
fn workflows_name_what_jobs_run_in() {
    let text = format!(
        "on: push
jobs:
  a:
    container: node:24
    services:
      db:
        image: postgres:17@{DIGEST}
        env: {{image: no}}
    steps:
      - uses: actions/checkout@v5
      - uses: docker://ghcr.example/tool:1
      - uses: docker://ghcr.example/tool@{DIGEST}
      - run: docker run busybox
  b:
    container:
      image: ${{{{ matrix.image }}}}
  c:
    container: ''
    uses: ./.github/workflows/other.yml
"
    );
    let expected = [
        "4 node:24 tag",
        "7 postgres:17 digest",
        "11 ghcr.example/tool:1 tag",
        "12 ghcr.example/tool digest",
        "16 ${{ matrix.image }} templated",
    ];
    assert_eq!(told(".github/workflows/ci.yml", &text), expected);
    let action = "runs:\n  using: docker\n  image: docker://alpine:3\n";
    assert_eq!(told("action.yml", action), ["3 alpine:3 tag"]);
    let action = "runs:\n  using: composite\n  steps:\n  - uses: docker://alpine\n";
    assert_eq!(told("action.yml", action), ["4 alpine tag"]);
    assert_eq!(told("action.yml", "runs:\n  using: docker\n  image: Dockerfile\n"), [""; 0]);
    // A manifest is one wherever it lies.
    let pod = "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: web:1}]}\n";
    assert_eq!(told(".gitlab/agents/pod.yaml", pod), ["3 web:1 tag"]);
    assert!(Form::Workflow.read(".github/workflows/ci.yml", b"jobs: [").is_err());
}

#[test]
fn pipelines_name_what_jobs_run_in() {
    let text = format!(
        "include: other.yml
variables:
  NODE: '24'
  BASE: {{value: debian, description: what to build on}}
  FULL: $BASE:12
default:
  image: {{name: ruby:3@{DIGEST}, entrypoint: ['']}}
services: ['redis:8', {{name: $CI_REGISTRY_IMAGE/db, alias: db}}]
.hidden:
  image: node:$NODE
a:
  variables: {{NODE: '22'}}
  image: node:${{NODE}}
  services: [docker:dind]
b:
  image: $FULL
c:
  image: $[[ inputs.image ]]
  variables: {{BASE: $FROM_OUTSIDE}}
d:
  variables: {{BASE: $FROM_OUTSIDE}}
  image: $BASE
e:
  script: [docker run busybox]
"
    );
    let expected = [
        "7 ruby:3 digest",
        "8 redis:8 tag",
        "8 $CI_REGISTRY_IMAGE/db unresolved",
        "10 node:24 tag",
        "13 node:22 tag",
        "14 docker:dind tag",
        "16 debian:12 tag",
        "18 $[[ inputs.image ]] templated",
        "22 $BASE unresolved",
    ];
    assert_eq!(told(".gitlab-ci.yml", &text), expected);
    let elsewhere = "a:\n  image: !reference [.base, image]\n";
    assert_eq!(told(".gitlab-ci.yml", elsewhere), ["2 !reference unresolved"]);
}

#[test]
fn kustomizations_pin_and_unpin_what_manifests_name() {
    let pod = "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: web:1\n  - image: side:1\n";
    let pinned = format!("apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: web@{DIGEST}\n");
    let give = |what: &str| format!("resources: [../base]\nimages:\n- name: web\n  {what}\n");
    let base = ("base/kustomization.yaml", "resources: [pod.yaml]\n");
    let by_digest = give(&format!("digest: {DIGEST}"));
    let by_tag = give("newTag: '2'");
    let renamed = give("newName: mirror.example/web");

    // Alone, it is as it is written; below an override by digest it is pinned, and by tag it is not.
    assert_eq!(told_of(&[("base/pod.yaml", pod)]), ["base/pod.yaml: 5 web:1 tag", "base/pod.yaml: 6 side:1 tag"]);
    assert_eq!(
        told_of(&[("base/pod.yaml", pod), base, ("prod/kustomization.yaml", &by_digest)]),
        ["base/pod.yaml: 5 web digest by prod/kustomization.yaml", "base/pod.yaml: 6 side:1 tag"]
    );
    assert_eq!(
        told_of(&[("base/pod.yaml", &pinned), base, ("prod/kustomization.yml", &by_tag)]),
        ["base/pod.yaml: 5 web:2 tag by prod/kustomization.yml"]
    );
    assert_eq!(
        told_of(&[("base/pod.yaml", pod), base, ("prod/Kustomization", &renamed)])[0],
        "base/pod.yaml: 5 mirror.example/web:1 tag by prod/Kustomization"
    );
    // Where several make something of it, the one that leaves it open is told.
    assert_eq!(
        told_of(&[
            ("base/pod.yaml", pod),
            base,
            ("prod/kustomization.yaml", &by_digest),
            ("test/kustomization.yaml", &by_tag)
        ])[0],
        "base/pod.yaml: 5 web:2 tag by test/kustomization.yaml"
    );
    // The lower one counts first: the upper one sees the name that it gave.
    let lower = "resources: [pod.yaml]\nimages: [{name: web, newName: inner, newTag: '3'}]\n";
    let upper =
        format!("resources: [../base]\nimages: [{{name: inner, digest: {DIGEST}}}, {{name: web, newTag: '9'}}]\n");
    assert_eq!(
        told_of(&[("base/pod.yaml", pod), ("base/kustomization.yaml", lower), ("prod/kustomization.yaml", &upper)]),
        [
            "base/pod.yaml: 5 inner digest by prod/kustomization.yaml",
            "base/pod.yaml: 6 side:1 tag",
            "prod/kustomization.yaml: 2 web:9 tag",
        ]
    );
    // A component's images are given to the resources beside it.
    let with = "resources: [../base]\ncomponents: [../pins]\n";
    let pins =
        format!("kind: Component\nimages: [{{name: web, digest: {DIGEST}}}, {{name: side, digest: {DIGEST}}}]\n");
    assert_eq!(
        told_of(&[("base/pod.yaml", pod), base, ("pins/kustomization.yaml", &pins), ("prod/kustomization.yaml", with)]),
        [
            "base/pod.yaml: 5 web digest by pins/kustomization.yaml",
            "base/pod.yaml: 6 side digest by pins/kustomization.yaml"
        ]
    );
    // What is given to manifests from elsewhere stands where it is given.
    let elsewhere = format!(
        "resources: ['https://git.example/base?ref=v1', ../../out]\nimages:\n- {{name: a, newTag: '1'}}\n- {{name: b, digest: {DIGEST}}}\n- {{name: c, newName: d}}\n- {{name: e, newTag: '1', digest: {DIGEST}}}\n- {{name: f, digest: latest}}\n"
    );
    assert_eq!(
        told_of(&[("kustomization.yaml", &elsewhere)]),
        [
            "kustomization.yaml: 3 a:1 tag",
            "kustomization.yaml: 4 b digest",
            "kustomization.yaml: 5 d unresolved",
            "kustomization.yaml: 6 e:1 digest",
            "kustomization.yaml: 7 f tag",
        ]
    );
}

#[test]
fn kustomizations_that_include_each_other_come_to_an_end() {
    let circle = [("a/kustomization.yaml", "resources: [../b]\n"), ("b/kustomization.yaml", "resources: [../a]\n")];
    assert_eq!(told_of(&circle), [""; 0]);
    let twice: Vec<(String, String)> = (0..30)
        .map(|at| {
            let below = at + 1;
            (format!("k{at}/kustomization.yaml"), format!("resources: [../k{below}, ../k{below}/]\n"))
        })
        .collect();
    let files: Vec<_> = twice
        .iter()
        .map(|(path, text)| Found { path: path.clone(), format: Form::Kustomization, bytes: text.clone().into_bytes() })
        .collect();
    let (_, lost) = read_all(&files);
    assert_eq!(lost.len(), 1, "{lost:?}");
    assert!(lost[0].1.contains("include each other more than"), "{lost:?}");
}

#[test]
fn what_nobody_wrote_is_refused_and_soon() {
    let stages: String = (0..200_000).map(|at| format!("FROM scratch AS s{at}\n")).collect();
    assert!(Form::Dockerfile.read("Dockerfile", stages.as_bytes()).is_err());
    let images = "FROM a\n".repeat(MOST + 1);
    assert!(Form::Dockerfile.read("Dockerfile", images.as_bytes()).is_err());
    let large = format!("apiVersion: v1\nkind: Pod\nx: {}\n", "a".repeat(LARGEST));
    assert!(Form::Kubernetes.read("x.yaml", large.as_bytes()).is_err());
    assert_eq!(Form::Kubernetes.read("x.yaml", &large.as_bytes()[24..]), Ok(None));
}

proptest::proptest! {
    #[test]
    fn nothing_makes_a_reader_panic(text in "(FROM |ARG |COPY |RUN |--from=|AS |<<EOF|EOF|[\\\\`\n\t$@:/{}#\"'=é]|[a-cA-C0-9]|sha256:|image: |services:|containers:|apiVersion: v1|kind: Pod|images: |resources: |name: |newTag: |jobs: |uses: |variables: |- |  ){0,60}") {
        for format in [Form::Dockerfile, Form::Compose, Form::Kubernetes, Form::Kustomization, Form::Workflow, Form::Gitlab] {
            drop(read_all(&[Found { path: "x".to_owned(), format, bytes: text.clone().into_bytes() }]));
        }
    }
}

#[test]
fn values_of_charts_name_the_images_that_a_chart_takes() {
    let values = format!(
        "image:
  registry: registry.example:5000
  repository: shop/web
  tag: 1.10
sidecar:
  image: {{repository: envoy, tag: v1, digest: {DIGEST}}}
  initImage: {{repository: tools, sha: {}}}
worker:
  image: busybox:1
  pinned: {{image: 'busybox@{DIGEST}'}}
images:
  cache: {{repository: redis, tag: '7'}}
unset: {{image: {{repository: shop/api, tag: ''}}}}
told: {{image: {{repository: '{{{{ .Values.global.name }}}}', tag: x}}}}
text: {{image: '{{{{ .Values.image }}}}'}}
backgroundImage: sky.png
chart: {{repository: https://charts.example, tag: x}}
empty: {{image: {{}}, other: {{image: }}}}
list:
  - image: {{repository: in/list, tag: a}}
",
        DIGEST.trim_start_matches("sha256:")
    );
    let chart = ("shop/Chart.yaml", "apiVersion: v2\nname: shop\nversion: 1.0.0\n");
    assert_eq!(
        told_of(&[chart, ("shop/values.yaml", &values)]),
        [
            "shop/values.yaml: 2 registry.example:5000/shop/web:1.10 tag",
            "shop/values.yaml: 6 envoy:v1 digest",
            "shop/values.yaml: 7 tools digest",
            "shop/values.yaml: 9 busybox:1 tag",
            "shop/values.yaml: 10 busybox digest",
            "shop/values.yaml: 12 redis:7 tag",
            "shop/values.yaml: 13 shop/api templated",
            "shop/values.yaml: 14 {{ .Values.global.name }}:x templated",
            "shop/values.yaml: 15 {{ .Values.image }} templated",
            "shop/values.yaml: 20 in/list:a tag",
        ]
    );
    // They are a chart's only beside its own file, by their names.
    let text = "image: a:1\n";
    for (path, expected) in [
        ("shop/values-production.yaml", 1),
        ("shop/values.prod.yml", 1),
        ("shop/valuesets.yaml", 0),
        ("shop/templates/values.yaml", 0),
        ("values.yaml", 0),
        ("shop/ci.yaml", 0),
    ] {
        assert_eq!(told_of(&[chart, (path, text)]).len(), expected, "{path}");
    }
    let broken = [chart, ("shop/values.yaml", "image: [")].map(|(path, text)| Found {
        path: path.to_owned(),
        format: Form::Kubernetes,
        bytes: text.as_bytes().to_vec(),
    });
    assert_eq!(read_all(&broken).1.len(), 1, "what can't be read is told");
}
