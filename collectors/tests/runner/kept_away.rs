//! What a scanner may see and change.

use std::fs;
use std::net::TcpListener;

use exhibit_collectors::runner::{OUTPUT, Runner as _};

use crate::{Script, fenced, printed, runner};

#[test]
fn it_reads_its_target_and_writes_its_own_folder_alone() {
    let outside = tempfile::tempdir().expect("a folder");
    fs::write(outside.path().join("secret"), "outside").expect("written");
    let text = format!(
        r#"
cat "$1/manifest" || exit 1
echo changed > "$1/manifest" && echo wrote into its target
echo more > "$1/more" && echo made a file in its target
rm "$1/manifest" && echo deleted its target
cat {0}/secret && echo read outside
ls {0} && echo listed outside
echo x > {0}/new && echo wrote outside
ln -s {0}/secret link; cat link && echo read outside through a link
cat /proc/$PPID/environ > /dev/null && echo read the environment of the helper
cat /proc/[0-9]*/environ > environments; [ -s environments ] && echo read an environment
kill -0 $PPID && echo may signal the helper
echo kept > {OUTPUT} && cat {OUTPUT} && echo tmp > "$TMPDIR/x" && cat "$TMPDIR/x" && mkdir "$CACHE" && echo own folder works
exit 0"#,
        outside.path().display()
    );
    let script = Script::new(&text);
    let target = script.folder.path().join("target");
    fs::create_dir(&target).expect("made");
    fs::write(target.join("manifest"), "a manifest\n").expect("written");
    let ran = script.run().expect("it runs");
    assert!(fenced(&ran.in_force));
    assert_eq!(printed(&ran), "a manifest\nkept\ntmp\nown folder works\n");
    assert_eq!(fs::read_to_string(target.join("manifest")).expect("unchanged"), "a manifest\n");
    let mut left = String::new();
    std::io::Read::read_to_string(&mut ran.output().expect("it left one"), &mut left).expect("text");
    assert_eq!(left, "kept\n");
    assert!(!outside.path().join("new").exists());
}

#[test]
fn its_environment_and_input_are_its_own() {
    let told =
        Script::new(r#"cat; env | sed "s#$HOME#HOME#g" | sort | grep -v -e ^_= -e ^PWD= -e ^SHLVL= -e ^OLDPWD="#)
            .printed();
    let expected = "CACHE=HOME/cache\nHOME=HOME\nLANG=C.UTF-8\nNO_COLOR=1\nPATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\n\
                    TERM=dumb\nTMPDIR=HOME/tmp\nXDG_CACHE_HOME=HOME/cache\nXDG_CONFIG_HOME=HOME/config\n";
    assert_eq!(told, expected);
}

#[test]
fn what_leads_elsewhere_is_no_result() {
    let ran = Script::new(&format!("ln -s /etc/passwd {OUTPUT}")).run().expect("it runs");
    assert!(ran.output().is_none());
    // Nor one that would make a reader wait.
    let ran = Script::new(&format!("mkfifo {OUTPUT}")).run().expect("it runs");
    assert!(ran.output().is_none());
}

#[test]
fn it_connects_only_where_it_may() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let text = format!("exec bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port} && echo connected'");
    let mut script = Script::new(&text);
    let ran = script.run().expect("it runs");
    assert_eq!((printed(&ran).contains("connected"), ran.in_force.no_network), (false, true));
    script.network = true;
    let ran = script.run().expect("it runs");
    assert_eq!((printed(&ran).as_str(), ran.in_force.no_network), ("connected\n", false));
}

#[test]
fn what_can_not_be_started_is_told() {
    let script = Script::new("");
    fs::write(script.folder.path().join("scanner"), "#!/no/such/interpreter\n").expect("written");
    assert_eq!(
        script.refused().to_string(),
        "./scanner can't be started: it, or the interpreter that it names, is not there"
    );
    let error = runner().locate("./absent", script.folder.path()).expect_err("none");
    assert_eq!((error.code(), error.to_string().as_str()), ("scanner-not-started", "./absent: no such program"));
}
