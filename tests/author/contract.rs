use provider_api::conformance::{Subject, plugin_of_this_package};

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_the_contract() {
    let subject = Subject::new(plugin_of_this_package("file_provider"), serde_json::json!({}));
    subject.user("ada", "engine no 1").user("grace", "compiler no 1").check().await.assert_passed();
}
