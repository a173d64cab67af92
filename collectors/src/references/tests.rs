//! What each kind of file names, as short as it can be: `line image tag pin`.

use super::*;

fn told(path: &str, text: &str) -> Vec<String> {
    let form = Form::of(path).expect("a kind");
    let Some(all) = form.read(path, text.as_bytes()).expect("readable") else { return vec!["none".to_owned()] };
    let line = |one: Reference| {
        let tag = one.tag.map(|tag| format!(":{tag}")).unwrap_or_default();
        format!("{} {}{tag} {}", one.line, one.image, format!("{:?}", one.pin).to_lowercase())
    };
    all.into_iter().map(line).collect()
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
        let expected = Reference { image: image.to_owned(), tag: tag.map(str::to_owned), pin, line: 1 };
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
    fn nothing_makes_a_reader_panic(text in "(FROM |ARG |COPY |RUN |--from=|AS |<<EOF|EOF|[\\\\`\n\t$@:/{}#\"'=é]|[a-cA-C0-9]|sha256:|image: |services:|containers:|apiVersion: v1|kind: Pod|- |  ){0,60}") {
        for form in [Form::Dockerfile, Form::Compose, Form::Kubernetes] {
            drop(form.read("x", text.as_bytes()));
        }
    }
}
