import java.util.List;
import java.util.Map;
import org.elasticsearch.common.settings.Settings;
import org.elasticsearch.node.InternalSettingsPreparer;
import org.elasticsearch.node.Node;
import org.elasticsearch.transport.Netty4Plugin;

/** A node of Elasticsearch that needs no distribution: Server FOLDER ADDRESS PORT. It keeps its data in the folder. */
final class Server extends Node {
    private Server(Settings settings) {
        super(InternalSettingsPreparer.prepareEnvironment(settings, Map.of(), null, () -> "test"), List.of(Netty4Plugin.class), false);
    }

    public static void main(String... words) throws Exception {
        Settings.Builder settings = Settings.builder()
            .put("path.home", words[0])
            .put("http.host", words[1])
            .put("http.port", words[2])
            .put("transport.host", "127.0.0.1")
            .put("discovery.type", "single-node")
            // The disk is the machine's: how full it is tells nothing of a test.
            .put("cluster.routing.allocation.disk.threshold_enabled", false);
        new Server(settings.build()).start();
        // Its own threads are daemons.
        Thread.currentThread().join();
    }
}
