"""Lines at which Paho's tests stop; docs/reference/mqtt-conformance.md tells why."""

_QOS_2 = "self.assertTrue(1 in qoss and 2 in qoss and 0 in qoss"

#: Suite and test -> a part of the line that it stops at. All others pass.
EXPECTED = {
    ("client_test", "test_overlapping_subscriptions"): "assert callback.messages[0][2] == 2",
    ("client_test", "test_retained_messages"): "assert len(callback.messages) == 3",
    ("client_test5", "test_overlapping_subscriptions"): "self.assertEqual(callback.messages[0][2], 2",
    ("client_test5", "test_payload_format"): _QOS_2,
    ("client_test5", "test_retained_message"): "aclient.disconnect()",
    (
        "client_test5",
        "test_server_topic_alias",
    ): 'hasattr(callback.messagedicts[0]["properties"], "TopicAlias")',
    ("client_test5", "test_shared_subscriptions"): "self.assertEqual(len(callback.messages), count)",
    ("client_test5", "test_subscribe_failure"): "assert callback.subscribeds[0][1][0].value == 0x80",
    ("client_test5", "test_subscribe_identifiers"): "self.assertEqual(len(callback.messages), 1",
    ("client_test5", "test_subscribe_options"): "self.assertEqual(len(callback.messages), 2",
    ("client_test5", "test_user_properties"): _QOS_2,
}
